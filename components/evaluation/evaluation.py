"""The step ``evaluate``: may this model be released?"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from kfp_lifecycle.adapters.mlflow_champion import Champion, fetch_champion, find_champion
from kfp_lifecycle.components.evaluation.curves import kfp_curves
from kfp_lifecycle.components.evaluation.gate import decide
from kfp_lifecycle.components.evaluation.holdout import JudgedModel, load_judged
from kfp_lifecycle.components.evaluation.judging import Findings, Rules, default_metric, judge
from kfp_lifecycle.components.evaluation.page import evaluation_page
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.metrics import named_metric
from kfp_lifecycle.core.model_name import check_model_name
from kfp_lifecycle.core.release import check_environment
from kfp_lifecycle.core.signature import Signature
from kfp_lifecycle.core.table import TableInfo, read_frame, read_info
from kfp_lifecycle.core.threads import threads_for

_ROUNDS_AT_LEAST = 100


@step_entry
def evaluate(
    model: Artifact,
    holdout: Artifact,
    model_name: str,
    decision: Artifact,
    metrics: Artifact,
    curves: Artifact,
    report: Artifact,
    environment: str = "prod",
    metric: str = "",
    margin: float = 0.01,
    min_rows: int = 200,
    seed: int = 0,
    bootstrap_rounds: int = 1000,
) -> tuple[str]:
    """Gate a model against a constant answer and against the champion; see the face for the parameters.

    Returns:
        ``pass``, ``fail`` or ``too_few_rows``, alone in a tuple.

    Raises:
        InputError: a parameter cannot be, the holdout does not fit the model, or MLflow or the champion cannot be
            reached.
        ChecksumError, ModelFileError, UntrustedTypeError: a model directory is not what was sealed.
    """
    check_model_name(model_name)
    check_environment(environment)
    _check_numbers(margin, min_rows, bootstrap_rounds)
    info = read_info(holdout.path)
    candidate = load_judged(model.path, str(model.metadata.get("digest", "")))
    rules = Rules(
        named_metric(metric or default_metric(candidate.signature), candidate.signature.task),
        float(margin),
        int(min_rows),
        int(bootstrap_rounds),
        int(seed),
    )
    found = find_champion(model_name, environment)
    with tempfile.TemporaryDirectory(prefix="champion-") as folder, threads_for(info.rows):
        champion = _load_champion(found, Path(folder) / "model")
        findings = judge(candidate, champion, read_frame(holdout.path), rules)
    outcome, reasons = decide(findings.verdicts)
    if found is None:
        reasons.append(f"{model_name} has no champion in {environment} yet")
    taken = Decision(
        outcome,
        reasons,
        findings.numbers,
        _inputs(model_name, environment, candidate, found, info, rules),
    )
    _write(taken, findings, candidate.signature, model_name, decision, metrics, curves, report)
    print(f"{outcome}: {reasons[0]}")
    return (str(outcome),)


def _check_numbers(margin: float, min_rows: int, rounds: int) -> None:
    if not (math.isfinite(margin) and margin >= 0):
        raise InputError("margin", margin, "a number from 0 up", "Write for example 0.01.")
    if min_rows < 1:
        raise InputError("min_rows", min_rows, "a whole number from 1 up", "Write for example 200.")
    if rounds < _ROUNDS_AT_LEAST:
        raise InputError("bootstrap_rounds", rounds, f"at least {_ROUNDS_AT_LEAST} rounds", "Write for example 1000.")


def _load_champion(found: Champion | None, directory: Path) -> JudgedModel | None:
    if found is None:
        return None
    fetch_champion(found, directory)
    return load_judged(directory, found.digest)


def _inputs(
    model_name: str, environment: str, candidate: JudgedModel, found: Champion | None, info: TableInfo, rules: Rules
) -> dict[str, object]:
    return {
        "model_name": model_name,
        "environment": environment,
        "candidate_digest": candidate.digest,
        "champion_version": found.version if found else "",
        "champion_digest": found.digest if found else "",
        "holdout_digest": info.digest,
        "metric": rules.metric.name,
        "margin": rules.margin,
        "min_rows": rules.min_rows,
        "bootstrap_rounds": rules.rounds,
        "seed": rules.seed,
    }


def _write(
    taken: Decision,
    findings: Findings,
    signature: Signature,
    model_name: str,
    decision: Artifact,
    metrics: Artifact,
    curves: Artifact,
    report: Artifact,
) -> None:
    """Everything that is shown comes from the decision and the answers that it was taken from."""
    save_decision(taken, decision.path)
    metrics.metadata.update(findings.numbers)
    classes = signature.classes or ()
    if classes and "candidate" in findings.answers:
        curves.metadata.update(kfp_curves(findings.answers["candidate"], classes))
    html = evaluation_page(taken, model_name, findings.answers, findings.measured, classes)
    path = Path(report.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")
