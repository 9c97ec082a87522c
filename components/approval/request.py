"""What a wait for approval is asked for, checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.release_inputs import check_service_name, check_version

# The pod that waits is ended a little later.
LONGEST_WAIT = 7 * 24 * 3600
_LONGEST_CHECK = 3600


class Source(StrEnum):
    """Where an answer may come from."""

    NONE = "none"  # nobody is asked
    ANY = "any"
    ANNOTATION = "annotation"
    TAG = "tag"


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
    if source not in list(Source):
        raise InputError("source", source, f"one of {', '.join(Source)}", "Leave it out to take either.")
    _within("timeout_seconds", timeout_seconds, LONGEST_WAIT)
    _within("check_seconds", check_seconds, _LONGEST_CHECK)
    return ApprovalRequest(
        check_service_name(service),
        namespace,
        check_version(version),
        Source(source),
        timeout_seconds,
        check_seconds,
        run_id,
    )


def _within(parameter: str, value: float, most: int) -> None:
    if isinstance(value, bool) or not 0 < value <= most:
        raise InputError(parameter, value, f"a number of seconds above 0, at most {most}", "Leave it out.")
