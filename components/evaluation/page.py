"""The report of an evaluation, rendered from its decision and its measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kfp_lifecycle.components.evaluation.curves import CLASSES, confusion, roc_points
from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.charts import line_chart
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.metrics import METRICS
from kfp_lifecycle.core.report import Section, decision_section, mapping_table, page, paragraph, table
from kfp_lifecycle.core.signature import Label


def _measurements(measured: Mapping[str, Mapping[str, float]]) -> Section:
    names = [name for name in METRICS if any(name in values for values in measured.values())]
    rows = []
    for name in names:
        better = "higher" if METRICS[name].larger_is_better else "lower"
        rows.append([name, f"{better} is better", *(values.get(name, "-") for values in measured.values())])
    return Section("Measurements", table(["metric", "", *measured], rows))


def _curves(models: Mapping[str, Answers]) -> Section | None:
    lines = {name: [(x, y) for x, y, _ in roc_points(answers)] for name, answers in models.items()}
    lines = {name: line for name, line in lines.items() if line}
    if not lines:
        return None
    chart = line_chart(
        {**lines, "chance": [(0.0, 0.0), (1.0, 1.0)]},
        "True positive rate over false positive rate, on the rows that were compared",
        "false positive rate",
    )
    return Section("ROC curve", chart)


def _confusion(answers: Answers, classes: Sequence[Label]) -> Section | None:
    if not classes or len(classes) > CLASSES:
        return None
    names = [str(name) for name in classes]
    rows = [[f"is {name}", *row] for name, row in zip(names, confusion(answers), strict=True)]
    html = table(["candidate", *(f"said {name}" for name in names)], rows)
    return Section("Confusion matrix", html)


def evaluation_page(
    decision: Decision,
    model_name: str,
    models: Mapping[str, Answers],
    measured: Mapping[str, Mapping[str, float]],
    classes: Sequence[Label],
) -> str:
    """The page.

    Args:
        decision: the gate's.
        model_name: for the title.
        models: answers of ``candidate`` and, where there is one, ``champion``; empty where nothing could be compared.
        measured: metrics by model, the constant answer among them.
        classes: the label's classes; empty for a regression.
    """
    sections: list[Section | None] = [decision_section(decision)]
    if measured:
        sections.append(_measurements(measured))
    if classes and models:
        sections += [_curves(models), _confusion(models["candidate"], classes)]
    sections.append(
        Section(
            "Decided from",
            mapping_table(decision.inputs, "input")
            + paragraph("Rows of the training of either model are left out of every figure on this page."),
        )
    )
    return page(f"Evaluation of {model_name}", [section for section in sections if section is not None])
