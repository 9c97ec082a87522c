"""Services that would move one alias in turns, because they name different champions of one model. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """The version that a service names champion."""

    service: str
    model: str
    environment: str
    version: str


def clashes(named: Iterable[Named]) -> dict[str, str]:
    """Each service whose champion another one of the same model and environment contradicts, and a sentence."""
    groups: dict[tuple[str, str], list[Named]] = {}
    for each in named:
        groups.setdefault((each.model, each.environment), []).append(each)
    found: dict[str, str] = {}
    for (model, environment), members in groups.items():
        if len({each.version for each in members}) > 1:
            versions = ", ".join(f"{each.service} version {each.version}" for each in members)
            said = (
                f"the alias of {model!r} in {environment!r} was left alone, because services name different champions "
                f"({versions}): give each service an environment of its own"
            )
            found.update({each.service: said for each in members})
    return found
