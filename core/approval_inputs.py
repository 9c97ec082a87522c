"""How a pipeline asks for approval: checked by the step that waits, and before anything is deployed. Pure."""

from __future__ import annotations

from enum import StrEnum

from kfp_lifecycle.core.errors import InputError

# Seconds. The pod that waits is ended a little later.
LONGEST_WAIT = 7 * 24 * 3600


class Source(StrEnum):
    """Where an answer may come from."""

    NONE = "none"  # nobody is asked
    ANY = "any"
    ANNOTATION = "annotation"
    TAG = "tag"


def check_source(parameter: str, source: str) -> Source:
    """The source of that name.

    Raises:
        InputError: names the parameter; there is no such source.
    """
    if source not in list(Source):
        raise InputError(parameter, source, f"one of {', '.join(Source)}", f"Write for example {Source.ANY}.")
    return Source(source)


def check_seconds_to_wait(parameter: str, seconds: float) -> float:
    """The seconds, if a gate can wait so long.

    Raises:
        InputError: names the parameter; it is no number, or out of range.
    """
    if isinstance(seconds, bool) or not 0 < seconds <= LONGEST_WAIT:
        raise InputError(parameter, seconds, f"a number of seconds above 0, at most {LONGEST_WAIT}", "Leave it out.")
    return seconds
