"""The step ``start_retrain``: from a monitor's answer to at most one run of a training pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from kfp_lifecycle.adapters import kfp_connection, kubernetes_connection, retrains
from kfp_lifecycle.adapters.retrains import Retrained, Training
from kfp_lifecycle.adapters.single_runs import Starter
from kfp_lifecycle.components.retraining.page import retrain_page
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import decision_of, save_decision
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.reservation import LEASE
from kfp_lifecycle.core.retrain_inputs import read_cause, read_limits
from kfp_lifecycle.core.retraining import RETRAIN, Cause, Limits, decide_retrain

# In a monitor's decision, how many labelled rows it has judged.
LABELLED_ROWS = "labelled_rows"
_MARGIN = timedelta(seconds=30)


@step_entry
def start_retrain(
    outcome: str,
    decision: Artifact,
    window: str,
    model_name: str,
    pipeline: str,
    decision_out: Artifact,
    report: Artifact,
    environment: str = "prod",
    pipeline_version: str = "",
    parameters: str = "{}",
    as_of: str = "",
    trigger: str = "drift",
    cooldown: str = "P7D",
    budget: int = 4,
    budget_period: str = "P28D",
    max_running: int = 1,
    min_new_labels: int = 0,
    experiment: str = "Default",
    service_account: str = "",
    namespace: str = "",
    run_id: str = "",
    lease: timedelta = LEASE,
) -> tuple[str, str]:
    """Start the run that a monitor asks for, unless it is there already or a limit forbids it.

    The parameters are described in the face. A try that was killed leaves one run or none, and the next one finds it.

    Args:
        lease: after which a try that has not recorded its run may be taken for dead.

    Returns:
        The outcome, and the run that stands for the window.

    Raises:
        InputError: an argument or a setting cannot be used; nothing was started.
        StartPending, KfpError, KubernetesError: it is not known yet whether the run is started; try again.
    """
    saved = decision_of(decision, outcome)
    labelled = saved.numbers.get(LABELLED_ROWS)
    cause = read_cause(
        model=model_name,
        window=window,
        environment=environment,
        trigger=trigger,
        as_of=as_of,
        caller=run_id,
        asked=outcome,
        new_labels=None if labelled is None else int(labelled),
    )
    limits = read_limits(
        cooldown=cooldown,
        budget=budget,
        budget_period=budget_period,
        max_running=max_running,
        min_new_labels=min_new_labels,
    )
    training = Training(pipeline, pipeline_version, _parameters(parameters), experiment, service_account)
    made = _made(cause, limits, training, namespace, lease)
    save_decision(made.decision, decision_out.path)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    Path(report.path).write_text(retrain_page(model_name, environment, made), encoding="utf-8")
    print(
        f"{model_name}: {made.decision.outcome} {made.run_id}".rstrip(), *made.decision.reasons, sep="\n  ", flush=True
    )
    return str(made.decision.outcome), made.run_id


def _made(cause: Cause, limits: Limits, training: Training, namespace: str, lease: timedelta) -> Retrained:
    if cause.asked != RETRAIN:
        # Neither API is asked for what is decided already.
        return Retrained(decide_retrain(cause, (), limits))
    place = namespace or kubernetes_connection.own_namespace()
    # Whoever holds the reservation either starts its run or is dead when the lease ends.
    patience = (lease + _MARGIN).total_seconds()
    kfp = kfp_connection.connect(namespace=place)
    return retrains.retrain(
        Starter(kubernetes_connection.connect(), kfp, place, lease, patience), cause, limits, training
    )


def _parameters(text: str) -> Mapping[str, Any]:
    remedy = 'Write for example {"data_uri": "s3://data/", "label": "late"}.'
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise InputError("parameters", text, "a JSON object", remedy) from None
    if not isinstance(found, dict):
        raise InputError("parameters", text, "a JSON object", remedy)
    return found
