"""Measuring candidate, champion and constant answer on the same rows, and asking the gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kfp_lifecycle.components.evaluation.comparability import why_not_comparable
from kfp_lifecycle.components.evaluation.constant import constant_answers
from kfp_lifecycle.components.evaluation.gate import Outcome, Verdict, check_champion, check_floor, check_rows
from kfp_lifecycle.components.evaluation.holdout import JudgedModel
from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.bootstrap import Difference, compare
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.metrics import Metric, measure_all

if TYPE_CHECKING:
    import pandas as pd

    from kfp_lifecycle.core.signature import Signature


@dataclass(frozen=True)
class Rules:
    """What the gate is asked with.

    Attributes:
        metric: that decides.
        margin: how much worse than the champion still counts as equal, in the metric's unit.
        min_rows: below this many rows there is no verdict.
        rounds: of the bootstrap.
        seed: of the bootstrap.
    """

    metric: Metric
    margin: float
    min_rows: int
    rounds: int
    seed: int


@dataclass
class Findings:
    """What was found; ``answers`` and ``measured`` by model: candidate, champion, constant answer."""

    verdicts: list[Verdict] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)
    measured: dict[str, dict[str, float]] = field(default_factory=dict)


def default_metric(signature: Signature) -> str:
    """What decides when nobody says: the AUC of two classes, the accuracy of more, R squared of a regression.

    None of them has a unit, so that the default margin suits all.
    """
    if signature.classes is None:
        return "r2"
    return "roc_auc" if len(signature.classes) == 2 else "accuracy"


def _require_known_rows(candidate: JudgedModel, frame: pd.DataFrame) -> None:
    if unknown := candidate.unknown_columns(frame):
        raise InputError(
            "holdout",
            unknown[0],
            "the columns of the training table, by which rows of the training are told",
            "Split training and holdout from one table.",
        )


def _require_metric(metric: Metric, candidate: JudgedModel, answers: Answers) -> None:
    if not metric.available(answers):
        raise InputError(
            "metric",
            metric.name,
            f"a metric for which {candidate.signature.estimator} gives {metric.needs or 'probabilities'}",
            "Choose one that reads the predicted label alone, such as accuracy or f1.",
        )


def _refusal(candidate: JudgedModel, champion: JudgedModel, frame: pd.DataFrame) -> str:
    if reason := why_not_comparable(candidate.signature, champion.signature):
        return reason
    if unknown := champion.unknown_columns(frame):
        return (
            f"the holdout lacks column {unknown[0]!r}, by which the champion's training rows are told: collect it too,"
            " or release under another model name"
        )
    return ""


def _difference(rules: Rules, first: Answers, second: Answers) -> Difference | str:
    try:
        return compare(rules.metric, first, second, rules.rounds, rules.seed)
    except ValueError as error:
        return f"{error}: they need rows of each class, or labels that differ"


def judge(candidate: JudgedModel, champion: JudgedModel | None, frame: pd.DataFrame, rules: Rules) -> Findings:
    """Everything that decides, on the rows of the holdout that neither model was trained on.

    Raises:
        InputError: the holdout lacks columns or labels, or the candidate cannot be measured by the metric.
    """
    findings = Findings()
    _require_known_rows(candidate, frame)
    seen = candidate.seen(frame)
    findings.numbers |= {"holdout_rows": len(frame), "rows_of_candidate_training": int(seen.sum())}
    itself = champion is not None and champion.digest == candidate.digest
    if itself:
        findings.verdicts.append(Verdict(Outcome.PASS, "the candidate is the champion itself: nothing would change"))
        champion = None
    elif champion is not None and (refusal := _refusal(candidate, champion, frame)):
        findings.verdicts.append(Verdict(Outcome.FAIL, refusal))
        champion = None
    if champion is not None:
        of_champion = champion.seen(frame)
        findings.numbers["rows_of_champion_training"] = int(of_champion.sum())
        seen |= of_champion
    rows = frame[~seen]
    findings.numbers["rows"] = len(rows)
    if len(rows):
        _measure(findings, "candidate", candidate.answer(rows))
        _require_metric(rules.metric, candidate, findings.answers["candidate"])
    if itself:
        return findings
    enough = check_rows(len(rows), rules.min_rows)
    findings.verdicts.append(enough)
    if enough.outcome is Outcome.PASS:
        _ask_floor(findings, candidate, rules)
        if champion is not None:
            _ask_champion(findings, champion, rows, rules)
    return findings


def _measure(findings: Findings, name: str, answers: Answers) -> None:
    findings.answers[name] = answers
    findings.measured[name] = measure_all(answers)
    findings.numbers |= {f"{name}_{metric}": value for metric, value in findings.measured[name].items()}


def _note(findings: Findings, name: str, difference: Difference | str, verdict: Verdict) -> None:
    findings.verdicts.append(verdict)
    if isinstance(difference, Difference):
        findings.numbers |= {
            f"{name}_difference": difference.estimate,
            f"{name}_lower": difference.lower,
            f"{name}_upper": difference.upper,
        }
    if verdict.rows_needed:
        findings.numbers[f"{name}_rows_needed"] = verdict.rows_needed


def _ask_floor(findings: Findings, candidate: JudgedModel, rules: Rules) -> None:
    answers = findings.answers["candidate"]
    constant = constant_answers(candidate.profile.label, answers.truth, candidate.signature, rules.metric.name)
    findings.measured["constant answer"] = measure_all(constant)
    difference = _difference(rules, answers, constant)
    if isinstance(difference, str):
        _note(findings, "floor", difference, Verdict(Outcome.TOO_FEW_ROWS, difference))
    else:
        _note(findings, "floor", difference, check_floor(rules.metric.name, difference))


def _ask_champion(findings: Findings, champion: JudgedModel, rows: pd.DataFrame, rules: Rules) -> None:
    answers = champion.answer(rows)
    _measure(findings, "champion", answers)
    if not rules.metric.available(answers):
        reason = f"the champion cannot be measured by {rules.metric.name}: choose accuracy or f1 as the metric"
        findings.verdicts.append(Verdict(Outcome.FAIL, reason))
        return
    difference = _difference(rules, findings.answers["candidate"], answers)
    if isinstance(difference, str):
        _note(findings, "champion", difference, Verdict(Outcome.TOO_FEW_ROWS, difference))
    else:
        _note(findings, "champion", difference, check_champion(rules.metric.name, difference, rules.margin))
