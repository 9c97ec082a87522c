"""The step ``monitor``: are the served rows whole, do they drift, and is the model as good as it was?"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from kfp_lifecycle.adapters import exported_profiles, mlflow_monitoring
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.mlflow_champion import find_asked
from kfp_lifecycle.components.monitoring.answer import Answer, answer_of, recorded
from kfp_lifecycle.components.monitoring.engines.engine import engine_named
from kfp_lifecycle.components.monitoring.engines.joint import require_joint
from kfp_lifecycle.components.monitoring.looking import look
from kfp_lifecycle.components.monitoring.page import monitor_page
from kfp_lifecycle.components.monitoring.request import MonitorRequest, check_request
from kfp_lifecycle.components.monitoring.watched import Watched, read_watched
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import save_decision
from kfp_lifecycle.core.errors import step_entry
from kfp_lifecycle.core.models_root import models_root
from kfp_lifecycle.core.table import read_info
from kfp_lifecycle.core.window import format_time


@step_entry
def monitor(
    table: Artifact,
    model_name: str,
    decision: Artifact,
    metrics: Artifact,
    report: Artifact,
    label: str = "",
    as_of: str = "",
    windows: int = 3,
    window: str = "",
    label_lag: str = "P0D",
    time_column: str = "_event_time",
    exclude: Sequence[str] = (),
    environment: str = "prod",
    version: str = "",
    engine: str = "alibi-detect",
    reference: str = "profile",
    reference_uri: str = "",
    joint: str = "none",
    correction: str = "bonferroni",
    metric: str = "",
    drop: float = 0.02,
    p_limit: float = 0.001,
    needed: int = 2,
    psi_limit: float = 0.1,
    drift_p: float = 0.01,
    min_rows: int = 200,
    max_missing_rise: float = 0.1,
    max_unseen: float = 0.05,
    without_labels: str = "",
    run_id: str = "",
) -> tuple[str, str]:
    """Watch a model by its served rows; see the face for the parameters.

    The same table, ``as_of`` and ``version`` give the same answer: nothing is kept from one run to the next. Without
    ``version`` the champion of now is watched.

    Returns:
        Outcome, and the newest window as ``start/end``.

    Raises:
        InputError: a parameter cannot be, there is no such version, its export is not what was sealed, the table holds
            no such columns, or MLflow does not answer.
    """
    request = check_request(
        now=now(),
        model_name=model_name,
        environment=environment,
        version=version,
        label=label,
        as_of=as_of,
        windows=windows,
        window=window,
        label_lag=label_lag,
        time_column=time_column,
        exclude=exclude,
        engine=engine,
        reference=reference,
        reference_uri=reference_uri,
        joint=joint,
        correction=correction,
        metric=metric,
        drop=drop,
        p_limit=p_limit,
        needed=needed,
        psi_limit=psi_limit,
        drift_p=drift_p,
        min_rows=min_rows,
        max_missing_rise=max_missing_rise,
        max_unseen=max_unseen,
        without_labels=without_labels,
        run_id=run_id,
    )
    if request.engine != "none":
        # A missing package is named before anything is fetched.
        engine_named(request.engine)
    if request.joint != "none":
        require_joint(request.joint)
    info = read_info(table.path)
    found = find_asked(request.model_name, request.environment, request.version)
    with tempfile.TemporaryDirectory(prefix="watched-") as folder:
        directory = Path(folder)
        exported_profiles.fetch_profile(models_root(), found.uri, found.digest, directory)
        watched = read_watched(directory, found.version, found.digest, request.exclude)
        findings = look(table.path, watched, request)
    answer = answer_of(findings, watched, request, info.digest)
    _write(answer, decision, metrics, report)
    _record(answer, watched, request)
    print(f"{answer.decision.outcome}: {answer.decision.reasons[0]}", flush=True)
    return str(answer.decision.outcome), str(findings.window)


def _write(answer: Answer, decision: Artifact, metrics: Artifact, report: Artifact) -> None:
    """Everything that is shown comes from the findings and the decision."""
    save_decision(answer.decision, decision.path)
    metrics.metadata.update(recorded(answer))
    path = Path(report.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(monitor_page(answer.findings, answer.decision), encoding="utf-8")


def _record(answer: Answer, watched: Watched, request: MonitorRequest) -> None:
    run = mlflow_monitoring.record_monitoring(
        mlflow_monitoring.Monitoring(
            key=answer.key,
            model_name=request.model_name,
            version=watched.version,
            digest=watched.digest,
            kfp_run_id=request.run_id,
            window=str(answer.findings.window),
            outcome=str(answer.decision.outcome),
            time=int(answer.findings.window.end.timestamp() * 1000),
            metrics=recorded(answer),
        )
    )
    print(f"window {format_time(answer.findings.window.start)} recorded in MLflow run {run}", flush=True)
