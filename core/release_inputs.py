"""The arguments that the steps of a release have in common, checked before anything is read or written."""

from __future__ import annotations

import re

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.release import ReleaseRecord

# KServe's own rule for the name; a DNS-1035 label.
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_LONGEST_WAIT = 24 * 3600


def check_service_name(service: str) -> str:
    """The name, if it can be an InferenceService's.

    Raises:
        InputError: it cannot.
    """
    if not _SERVICE.fullmatch(service):
        raise InputError(
            "service",
            service,
            "a DNS label: lower-case letters, digits and dashes, with a letter first and no dash last",
            "Write for example flight-delays.",
        )
    return service


def check_version(version: str) -> str:
    """The version, if it is a number of MLflow's.

    Raises:
        InputError: it is not.
    """
    if not _VERSION.fullmatch(version):
        raise InputError("version", version, "the number of an MLflow version", "Pass on what register returned.")
    return version


def check_timeout(seconds: int) -> int:
    """The seconds, if one can wait so long.

    Raises:
        InputError: it is no whole number, or out of range.
    """
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= _LONGEST_WAIT:
        raise InputError("timeout_seconds", seconds, f"1 to {_LONGEST_WAIT} seconds", "Give for example 900.")
    return seconds


def check_owner(live: LiveService, record: ReleaseRecord, model: str, environment: str) -> None:
    """Refuse a service that serves another model, or belongs to another environment.

    Raises:
        InputError: it does.
    """
    served = live.model or record.model
    if served != model or record.model != model:
        raise InputError("model_name", model, f"{served!r}, which the service serves", "Take the service's own model.")
    if record.environment != environment:
        raise InputError(
            "environment",
            environment,
            f"{record.environment!r}, the environment of this service's releases",
            "Name that one, or another service.",
        )


def check_champion(live: LiveService) -> str:
    """The version that is champion.

    Raises:
        InputError: none is.
    """
    if not live.champion_version:
        raise InputError(
            "service",
            live.name,
            "a service with a champion",
            "No version has proven itself there yet: release one with deploy first.",
        )
    return live.champion_version
