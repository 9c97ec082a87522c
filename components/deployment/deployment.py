"""Release a registered version as a KServe InferenceService, behind a canary where a champion stands."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kfp_lifecycle.adapters import inference_services, kubernetes_connection, mlflow_connection, mlflow_registry
from kfp_lifecycle.adapters.champion_alias import mirror_champion
from kfp_lifecycle.adapters.exported_models import verified_example
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.release_writes import read_record
from kfp_lifecycle.adapters.rollouts import PROBE_SECONDS, Served, Target, wait_until_served
from kfp_lifecycle.adapters.withdrawal import withdraw
from kfp_lifecycle.components.deployment import execution, page
from kfp_lifecycle.components.deployment.execution import Applied
from kfp_lifecycle.components.deployment.outcome import Outcome
from kfp_lifecycle.components.deployment.request import (
    ReleaseRequest,
    check_names,
    check_overrides_fit,
    check_request,
    requested_mode,
)
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.approval_inputs import check_seconds_to_wait, check_source
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.core.models_root import models_root
from kfp_lifecycle.core.release import Superseded, current
from kfp_lifecycle.core.rollout import Asked

# An arm's name may grow by an epoch when its version is released again.
_LONGEST_SUFFIX = "-e9999"


@step_entry
def deploy(
    service: str,
    model_name: str,
    version: str,
    uri: str,
    digest: str,
    decision: Artifact,
    report: Artifact,
    namespace: str = "",
    canary_percent: int = 10,
    deployment_mode: str = "",
    environment: str = "prod",
    spec_overrides: str = "{}",
    timeout_seconds: int = 900,
    run_id: str = "",
    approval: str = "none",
    approval_timeout_seconds: int = 86400,
) -> tuple[str]:
    """Put a version in front of users: all of them on a first release, ``canary_percent`` of them beside a champion.

    A version that cannot be loaded, does not become ready or does not answer its own example is refused: a canary is
    taken off again and the champion keeps all traffic. A first release that is refused stays in place without a
    champion's name, for its pods to be looked at: nobody was served before, and the next release replaces it.

    Args:
        service: the InferenceService, made if it does not exist.
        version: what register returned, as are ``uri`` and ``digest``.
        decision: gets decision.json.
        report: gets the decision as a page.
        namespace: empty means the pod's own.
        deployment_mode: Standard or Knative; empty takes the live service's, else the setting, else what the cluster
            runs.
        spec_overrides: JSON merged into the predictor.
        timeout_seconds: how long the version may take to become ready.
        run_id: who holds the release; a second run of the same content carries an open release on.
        approval: what a later approve gets as source. It is only checked, as is the time to wait: that step comes hours
            after the first users met the canary, and then a typing error costs the release.

    Returns:
        first_release, canary, refused or unchanged.

    Raises:
        InputError: an argument or a setting cannot be used; nothing was written.
    """
    check_source("approval", approval)
    check_seconds_to_wait("approval_timeout_seconds", approval_timeout_seconds)
    place = namespace or kubernetes_connection.own_namespace()
    request = check_request(
        service=service,
        namespace=place,
        model_name=model_name,
        version=version,
        uri=uri,
        digest=digest,
        canary_percent=canary_percent,
        environment=environment,
        runtime=settings.setting(settings.SERVING_RUNTIME),
        spec_overrides=spec_overrides,
        timeout_seconds=timeout_seconds,
        run_id=run_id or uuid.uuid4().hex,
        payload_log={name: settings.setting(name) for name in settings.PAYLOAD_LOG},
    )
    connection = kubernetes_connection.connect()
    inference_services.check_namespace(connection, place)
    mode = _mode(connection, request, deployment_mode)
    check_names(request, mode, f"v{version}{_LONGEST_SUFFIX}")
    check_overrides_fit(request, mode)
    registry = mlflow_connection.connect()
    _check_registered(registry, request)
    example = verified_example(models_root(), uri, digest)
    made, callers = _release(connection, request, mode, example)
    save_decision(made, decision.path)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    Path(report.path).write_text(page.make_page(made, callers), encoding="utf-8")
    print(f"{service}: {made.outcome}", *made.reasons, callers, sep="\n  ", flush=True)
    return (str(made.outcome),)


def _mode(connection: Connection, request: ReleaseRequest, deployment_mode: str) -> Mode:
    live = inference_services.read(connection, request.service, request.namespace)
    mode = requested_mode(deployment_mode, settings.setting(settings.DEPLOYMENT_MODE), live)
    return mode or inference_services.find_mode(connection)


def _check_registered(registry: Any, request: ReleaseRequest) -> None:
    found = mlflow_registry.find_version(registry, request.model, request.version)
    recorded = found.tags.get(mlflow_registry.DIGEST, "") if found else ""
    if recorded != request.digest:
        raise InputError(
            "version",
            request.version,
            f"a version of {request.model!r} with digest {request.digest}",
            f"MLflow has {f'digest {recorded}' if found else 'no such version'}: pass on what register returned.",
        )


def _release(
    connection: Connection, request: ReleaseRequest, mode: Mode, example: Mapping[str, Any]
) -> tuple[Decision, str]:
    applied = execution.record_and_apply(connection, request, mode)
    domain = settings.setting(settings.GATEWAY_DOMAIN)
    callers = page.callers_note(mode, applied.live, request.namespace, request.service, domain)
    plan = applied.plan
    mirrored = _mirror(connection, request)
    if applied.asked is None:
        reasons = (*plan.reasons, *mirrored)
        return page.make_decision(plan.outcome, reasons, request, mode, plan, {}), callers
    print(f"{request.service}: version {request.version} at {plan.weight} % was applied; waiting", flush=True)
    target = Target(request.service, request.namespace, request.version, request.seconds)
    served = wait_until_served(connection, target, applied.asked, example)
    outcome, reasons = _conclude(connection, request, applied, served)
    reasons = (*reasons, *(each for each in mirrored if each not in reasons))
    return page.make_decision(outcome, reasons, request, mode, plan, served.numbers), callers


def _conclude(
    connection: Connection, request: ReleaseRequest, applied: Applied, served: Served
) -> tuple[Outcome, tuple[str, ...]]:
    """Name the champion, keep the canary, or take it off; then write how it ended."""
    plan, asked = applied.plan, applied.asked
    assert asked is not None
    if not served.serves:
        left, over = "it stays in place without a champion's name, and the next release replaces it", True
        if plan.outcome is Outcome.CANARY:
            left, over = _take_off(connection, request, applied.epoch)
        reasons = (*served.reasons, left, *served.notes)
        # While something of it is left, the release stays open, so that a roll back or a sweep finds it.
        if over:
            execution.finish(connection, request, applied, Outcome.REFUSED, {"reasons": list(reasons)[:5]})
        return Outcome.REFUSED, reasons
    if plan.outcome is Outcome.FIRST_RELEASE:
        try:
            execution.name_champion(connection, request, applied)
        except Superseded as error:
            execution.finish(connection, request, applied, Outcome.REFUSED, {"reasons": [str(error)]})
            return Outcome.REFUSED, (str(error),)
    lost = execution.finish(connection, request, applied, plan.outcome, dict(served.numbers))
    answered = f"version {request.version} answered its example and has"
    if plan.outcome is Outcome.FIRST_RELEASE:
        # The service names its champion by now, whoever closed the record.
        return plan.outcome, (
            f"{answered} all traffic",
            *served.notes,
            *_mirror(connection, request),
        )
    if lost:
        return Outcome.REFUSED, (lost, *served.notes)
    return plan.outcome, (f"{answered} {plan.weight} % of the traffic", *served.notes)


def _take_off(connection: Connection, request: ReleaseRequest, epoch: int) -> tuple[str, bool]:
    """Withdraw the canary, if the release is still this run's; a sentence about it, and whether nothing is left."""
    try:
        held = current(read_record(connection, request.service, request.namespace), epoch)
        done = withdraw(connection, request.service, request.namespace, held, request.seconds)
    except (Superseded, InputError) as error:
        return f"the canary was left alone: {error}", True
    _wait_for_the_champion(connection, request, held.from_version)
    return done.said, done.over


def _wait_for_the_champion(connection: Connection, request: ReleaseRequest, version: str) -> None:
    """Return when the route follows the spec, so that what is said of the traffic is so."""
    live = inference_services.read(connection, request.service, request.namespace)
    if live is None or live.stable is None or live.canaries:
        return
    asked = Asked(mode=live.mode, uri=live.stable.uri, arm=live.stable.name, weight=100, canary=False)
    seconds = min(request.seconds, PROBE_SECONDS)
    wait_until_served(connection, Target(request.service, request.namespace, version, seconds), asked, None)


def _mirror(connection: Connection, request: ReleaseRequest) -> tuple[str, ...]:
    _, notes = mirror_champion(connection, request.service, request.namespace, request.environment)
    return notes
