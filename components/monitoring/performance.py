"""Performance on the labelled rows of each window, from logged predictions: the model is not asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.components.monitoring.comparison import Baseline, compare
from kfp_lifecycle.components.monitoring.findings import Fault, WindowPerformance
from kfp_lifecycle.components.monitoring.rules import Rules
from kfp_lifecycle.components.monitoring.served_rows import ServedWindow
from kfp_lifecycle.components.monitoring.windows import phase
from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.bootstrap import resamples
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import PREDICTION, SCORE, class_scores, class_text
from kfp_lifecycle.core.metrics import METRICS, Metric, measure, named_metric

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from kfp_lifecycle.core.profile import CalibrationWindow
    from kfp_lifecycle.core.signature import Signature
    from kfp_lifecycle.core.window import Window

_ROUNDS = 100
# The error of a sample tells that of all rows, which shrinks with their root.
_SAMPLED = 20_000


@dataclass(frozen=True)
class Labelled:
    """The rows of a window that have a label.

    Attributes:
        answers: None where no row can be used.
        rows: that have a label.
        foreign: labels that are no class of the model, or no number; they are not used.
        unmeasured: rows of a known label whose prediction is no answer, or that lack probabilities; nor are they used.
    """

    answers: Answers | None
    rows: int
    foreign: int
    unmeasured: int = 0


def chosen_metric(name: str, signature: Signature, windows: Sequence[CalibrationWindow]) -> Metric:
    """The metric asked for; else log loss, the accuracy of a classifier without probabilities, R squared of a
    regression.

    Raises:
        InputError: unknown, or of the other task.
    """
    if name:
        return named_metric(name, signature.task)
    if signature.classes is None:
        return METRICS["r2"]
    known = not windows or any("log_loss" in each.metrics for each in windows)
    return METRICS["log_loss" if known else "accuracy"]


def require_columns(label: str, schema: Sequence[str]) -> None:
    """Refuse a table on which nothing can be measured.

    Raises:
        InputError: it lacks the label or the predictions.
    """
    from kfp_lifecycle.core.columns import unknown_column

    if label not in schema:
        raise unknown_column("label", label, schema, "the table")
    if PREDICTION not in schema:
        raise InputError(
            "table", PREDICTION, "a column with the predictions", "Give logged rows, or rows that score has predicted."
        )


def labelled_rows(window: ServedWindow, label: str, signature: Signature) -> Labelled:
    """Truth and answers of the rows that the watched version answered and whose label has come."""
    import pandas as pd

    scores = class_scores(len(signature.classes or ()))
    columns = [label, *(name for name in (PREDICTION, SCORE, *scores) if name in window.schema.names)]
    parts = [batch.to_pandas() for batch in window.read_own(columns) if batch.num_rows]
    if not parts:
        return Labelled(None, 0, 0)
    frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    frame = frame[frame[label].notna() & frame[PREDICTION].notna()]
    rows = len(frame)
    if signature.classes is None:
        answers, foreign = _regression(frame, label)
    else:
        answers, foreign = _classes(frame, label, signature, scores)
    usable = len(answers.truth)
    return Labelled(answers if usable else None, rows, foreign, rows - foreign - usable)


def label_faults(labelled: Labelled, label: str, window: Window, rules: Rules) -> list[Fault]:
    """What of the labelled rows of a window is not measured; labels that the model cannot know block when they are more
    than ``max_unseen`` of enough rows."""
    faults = []
    if labelled.foreign:
        share = labelled.foreign / labelled.rows
        told = f"{labelled.foreign} labels ({share:.1%}) are no class or number of the model in {window}"
        blocking = share > rules.max_unseen and labelled.rows >= rules.min_rows
        faults.append(Fault("unseen_labels", label, told, blocking, window))
    if labelled.unmeasured:
        told = f"{labelled.unmeasured} labelled rows have no probabilities or no answer of the model in {window}"
        faults.append(Fault("unmeasured_rows", PREDICTION, told, False, window))
    return faults


def _regression(frame: pd.DataFrame, label: str) -> tuple[Answers, int]:
    import pandas as pd

    truth = pd.to_numeric(frame[label], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    values = pd.to_numeric(frame[PREDICTION], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    kept = np.isfinite(truth) & np.isfinite(values)
    return Answers(truth[kept], values[kept]), int((~np.isfinite(truth)).sum())


def _classes(frame: pd.DataFrame, label: str, signature: Signature, scores: Sequence[str]) -> tuple[Answers, int]:
    classes = signature.classes or ()
    truth, values = _numbers(frame[label], signature), _numbers(frame[PREDICTION], signature)
    kept, foreign = (truth >= 0) & (values >= 0), int((truth < 0).sum())
    probabilities = _probabilities(frame, signature, scores)
    if probabilities is not None:
        known = np.isfinite(probabilities).all(axis=1)
        # A model without probabilities logs none; of one that has them, a row without is none to measure.
        probabilities = probabilities if known[kept].any() else None
        kept &= known if probabilities is not None else kept
    if probabilities is None:
        return Answers(truth[kept], values[kept], classes=len(classes)), foreign
    probabilities = probabilities[kept]
    ranks = probabilities[:, 1] if len(classes) == 2 else None
    return Answers(truth[kept], values[kept], probabilities, ranks, len(classes)), foreign


def _numbers(values: pd.Series, signature: Signature) -> npt.NDArray[np.int64]:
    """Classes as their numbers, by value or by the text that the log holds; -1 for what is no class."""
    known: dict[Any, int] = {}
    for number, name in enumerate(signature.classes or ()):
        known |= {name: number, class_text(name): number}
    return np.array([known.get(value, -1) for value in values.tolist()], dtype=np.int64)


def _probabilities(frame: pd.DataFrame, signature: Signature, scores: Sequence[str]) -> npt.NDArray[np.float64] | None:
    if scores:
        if not set(scores) <= set(frame.columns):
            return None
        return frame[list(scores)].to_numpy(dtype=np.float64, na_value=np.nan)
    if SCORE not in frame.columns:
        return None
    score = frame[SCORE].to_numpy(dtype=np.float64, na_value=np.nan)
    classes = signature.classes or ()
    first = signature.positive_class is not None and classes[0] == signature.positive_class
    return np.column_stack((score, 1 - score) if first else (1 - score, score))


def standard_error(metric: Metric, answers: Answers, seed: int = 0) -> float:
    """Of the metric on these rows, by the bootstrap (Efron and Tibshirani 1993, chapter 6)."""
    rows = len(answers.truth)
    taken = min(rows, _SAMPLED)
    if taken < rows:
        chosen = np.sort(np.random.default_rng(seed).choice(rows, taken, replace=False))
        answers = Answers(
            answers.truth[chosen],
            answers.values[chosen],
            None if answers.probabilities is None else answers.probabilities[chosen],
            None if answers.ranks is None else answers.ranks[chosen],
            answers.classes,
        )
    weigh = metric.weigh(answers)
    found = np.concatenate([weigh(weights) for weights in resamples(taken, _ROUNDS, seed)])
    found = found[np.isfinite(found)]
    return float(found.std(ddof=1) * np.sqrt(taken / rows)) if len(found) > 1 else float("nan")


def measure_window(
    window: Window,
    rows: int,
    labelled: Labelled,
    metric: Metric,
    found: Mapping[timedelta, Baseline],
    rules: Rules,
    complete: bool,
    faulty: bool = False,
) -> WindowPerformance:
    """What the labelled rows of a window say.

    Args:
        window: of event time.
        rows: that the watched version answered in it.
        labelled: what ``labelled_rows`` found in it.
        metric: to be measured.
        found: the baselines by place in the week.
        rules: the limits.
        complete: whether its labels have come, as far as the label lag says.
        faulty: whether its data are broken; it is then never flagged.
    """

    def unknown(note: str, value: float | None = None) -> WindowPerformance:
        return WindowPerformance(window, rows, labelled.rows, value, None, None, None, False, complete, note)

    answers = labelled.answers
    usable = 0 if answers is None else len(answers.truth)
    if answers is None or usable < rules.min_rows:
        why = f", {labelled.foreign} labels are no class or number of the model" if labelled.foreign else ""
        why += f", {labelled.unmeasured} rows have no probabilities or no answer" if labelled.unmeasured else ""
        return unknown(f"{usable} labelled rows of {rows}, {rules.min_rows} are needed{why}")
    if not metric.available(answers):
        return unknown(f"the rows hold no probabilities, which {metric.name} needs")
    value = measure(metric, answers)
    if not np.isfinite(value):
        return unknown(f"{metric.name} is not defined on these rows")
    baseline = found.get(phase(window))
    if baseline is None:
        return unknown("no calibration windows of this place in the week", value)
    error = standard_error(metric, answers)
    if not np.isfinite(error):
        return unknown(f"the error of {metric.name} is not defined on these rows", value)
    against = compare(value, error, usable, baseline, metric, rules.p_limit)
    return WindowPerformance(
        window=window,
        rows=rows,
        labelled=labelled.rows,
        value=value,
        drop=against.drop,
        error=against.error,
        p_value=against.p_value,
        flagged=not faulty and against.drop > rules.drop and against.p_value < rules.p_limit,
        complete=complete,
        note="its data are broken, so it does not count" if faulty else "",
        limit=max(against.limit, rules.drop),
    )
