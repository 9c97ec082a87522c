"""What a release asks for, checked before anything is read or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kfp_lifecycle.components.deployment.overrides import parse_overrides
from kfp_lifecycle.components.deployment.payload_log import check_payload_log
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inference_service import LiveService, Mode, mode_named
from kfp_lifecycle.core.model_name import check_model_name
from kfp_lifecycle.core.models_root import check_digest, check_serve_uri
from kfp_lifecycle.core.release import ReleaseRecord, check_environment
from kfp_lifecycle.core.release_inputs import check_service_name, check_timeout, check_version
from kfp_lifecycle.core.service_addresses import LABEL_LENGTH, longest_label


@dataclass(frozen=True)
class ReleaseRequest:
    """One version for one service.

    Attributes:
        percent: the share that it gets beside a champion.
        run_id: who holds the release while it is under way.
        payload_log: variables that the model server gets for its payload log; empty without one.
    """

    service: str
    namespace: str
    model: str
    version: str
    uri: str
    digest: str
    percent: int
    environment: str
    runtime: str
    overrides: Mapping[str, Any]
    seconds: int
    run_id: str
    payload_log: Mapping[str, str] = field(default_factory=dict)


def check_request(
    *,
    service: str,
    namespace: str,
    model_name: str,
    version: str,
    uri: str,
    digest: str,
    canary_percent: int,
    environment: str,
    runtime: str,
    spec_overrides: str,
    timeout_seconds: int,
    run_id: str,
    payload_log: Mapping[str, str] | None = None,
) -> ReleaseRequest:
    """The request, if every argument can be one.

    Raises:
        InputError: names the first argument that cannot.
    """
    check_service_name(service)
    check_model_name(model_name)
    check_version(version)
    check_serve_uri(uri)
    check_digest(digest)
    if not _is_whole(canary_percent) or not 1 <= canary_percent <= 99:
        raise InputError(
            "canary_percent", canary_percent, "a whole number from 1 to 99", "Give the percent of the traffic."
        )
    check_timeout(timeout_seconds)
    return ReleaseRequest(
        service,
        namespace,
        model_name,
        version,
        uri,
        digest,
        canary_percent,
        check_environment(environment),
        runtime,
        parse_overrides(spec_overrides),
        timeout_seconds,
        run_id,
        check_payload_log(payload_log or {}),
    )


def requested_mode(deployment_mode: str, configured: str, live: LiveService | None) -> Mode | None:
    """The mode to release in: the live service's, else the parameter's, else the setting's; None to find out.

    Raises:
        InputError: the parameter is no mode, or another one than the live service has.
    """
    asked = _mode("deployment_mode", deployment_mode)
    if live is None:
        return asked or _mode("KFP_LIFECYCLE_DEPLOYMENT_MODE", configured)
    if asked and asked is not live.mode:
        raise InputError(
            "deployment_mode",
            deployment_mode,
            f"{live.mode}, the mode of the live service {live.name!r}",
            "KServe cannot change the mode of a service: leave the parameter empty, or take another service name.",
        )
    return live.mode


def check_names(request: ReleaseRequest, mode: Mode, arm: str) -> None:
    """Refuse a service whose derived host names no DNS server would take.

    Raises:
        InputError: one of them is longer than a DNS label may be.
    """
    longest = longest_label(mode, request.service, request.namespace, arm)
    if len(longest) > LABEL_LENGTH:
        over = len(longest) - LABEL_LENGTH
        raise InputError(
            "service",
            request.service,
            f"a name short enough for {longest!r}, which has {len(longest)} of {LABEL_LENGTH} characters",
            f"Shorten it by {over}.",
        )


def check_overrides_fit(request: ReleaseRequest, mode: Mode) -> None:
    """Refuse overrides that this mode does not know.

    Raises:
        InputError: Standard mode runs a fixed number of replicas beside a canary.
    """
    scaling = ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling", "workerSpec")
    found = sorted(set(scaling) & set(request.overrides))
    if mode is Mode.STANDARD and found:
        raise InputError(
            "spec_overrides",
            dict(request.overrides),
            f"no {', '.join(found)} in Standard mode",
            "A canary needs fixed replicas: set minReplicas instead.",
        )


def check_service(request: ReleaseRequest, live: LiveService | None, record: ReleaseRecord | None) -> None:
    """Refuse a service that is not ours, or serves another model.

    Raises:
        InputError: the live service or its record belongs to somebody else.
    """
    if live and not live.managed:
        raise InputError(
            "service",
            request.service,
            "a service that kfp-lifecycle made, or a free name",
            f"An InferenceService of that name exists in {request.namespace!r} and nobody knows which version it "
            "serves: take another name, or delete it.",
        )
    if live and live.model and live.model != request.model:
        raise InputError(
            "model_name", request.model, f"{live.model!r}, which the service serves", "Take another service."
        )
    if record and record.environment != request.environment:
        raise InputError(
            "environment",
            request.environment,
            f"{record.environment!r}, the environment of this service's releases",
            "Take another service or namespace for each environment.",
        )


def _mode(parameter: str, name: str) -> Mode | None:
    found = mode_named(name)
    if name.strip() and found is None:
        raise InputError(parameter, name, " or ".join(Mode), "Leave it empty to find out what the cluster runs.")
    return found


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
