"""Names of a release: who is champion, and where."""

from __future__ import annotations

import re

from kfp_lifecycle.core.errors import InputError

CHAMPION = "champion"
CHALLENGER = "challenger"
DEFAULT_ENVIRONMENT = "prod"
_ENVIRONMENT = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def check_environment(environment: str) -> str:
    """The environment's name, if it can stand in an alias, a tag and a label.

    Raises:
        InputError: it is not a lower-case name of at most 32 letters, digits and dashes.
    """
    if not _ENVIRONMENT.fullmatch(environment):
        raise InputError(
            "environment",
            environment,
            "a name of 1 to 32 lower-case letters, digits and dashes, with a letter or digit at both ends",
            "Write for example prod or staging.",
        )
    return environment


def alias(role: str, environment: str = DEFAULT_ENVIRONMENT) -> str:
    """The MLflow alias of a role: ``champion`` in ``prod``, else for example ``champion-staging``."""
    if role not in (CHAMPION, CHALLENGER):
        raise ValueError(f"role is {role!r}: expected {CHAMPION!r} or {CHALLENGER!r}")
    check_environment(environment)
    return role if environment == DEFAULT_ENVIRONMENT else f"{role}-{environment}"
