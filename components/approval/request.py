"""What a wait for approval is asked for, checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_lifecycle.core.approval_inputs import Source, check_seconds_to_wait, check_source
from kfp_lifecycle.core.release_inputs import check_service_name, check_version


@dataclass(frozen=True)
class ApprovalRequest:
    """A wait for one version of one service, in seconds."""

    service: str
    namespace: str
    version: str
    source: Source
    timeout_seconds: float
    check_seconds: float
    run_id: str


def check_request(
    *,
    service: str,
    namespace: str,
    version: str,
    source: str,
    timeout_seconds: float,
    check_seconds: float,
    run_id: str,
) -> ApprovalRequest:
    """The request, if every argument can be one.

    Raises:
        InputError: names the first argument that cannot.
    """
    return ApprovalRequest(
        check_service_name(service),
        namespace,
        check_version(version),
        check_source("source", source),
        check_seconds_to_wait("timeout_seconds", timeout_seconds),
        # No less than judge takes, which gets the same number in a pipeline.
        check_seconds_to_wait("check_seconds", check_seconds),
        run_id,
    )
