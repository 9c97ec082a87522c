"""The difference between declared schedules and those that are there, for people to read before it is applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.located_yaml import LocatedYaml
from kfp_lifecycle.core.schedule_plan import Found, Wanted, fields, predecessors


class Change(StrEnum):
    CREATE = "create"
    REPLACE = "replace"
    ADOPT = "adopt"
    ENABLE = "enable"
    DISABLE = "disable"
    FINISH = "finish"
    REMOVE = "remove"


@dataclass(frozen=True)
class Difference:
    """What is to happen to one name.

    Attributes:
        wanted: None to remove it.
        found: the recurring runs of this name that will be touched.
    """

    change: Change
    name: str
    wanted: Wanted | None
    found: tuple[Found, ...]


def differences(wanted: Sequence[Wanted], found: Sequence[Found], owner: str) -> list[Difference]:
    """What is to happen: removals, so that a schedule with a new name does not run beside itself, then by the file.

    Args:
        found: every recurring run of the namespace.
        owner: whose recurring runs are removed when no longer declared.
    """
    declared = {want.schedule.name for want in wanted}
    owned = [it for it in found if it.owner == owner and it.name not in declared]
    changes = [
        Difference(Change.REMOVE, name, None, tuple(it for it in owned if it.name == name))
        for name in sorted({it.name for it in owned})
    ]
    for want in wanted:
        same_name = tuple(it for it in found if it.name == want.schedule.name)
        if (change := _change(want, same_name)) is not None:
            changes.append(Difference(change, want.schedule.name, want, same_name))
    return changes


def values(difference: Difference) -> dict[str, tuple[Any, Any]]:
    """The fields that differ: what is there, and what is declared; for a new one all that is declared."""
    if difference.wanted is None:
        return {}
    old = predecessors(difference.wanted, difference.found) or difference.found
    here = max(old, key=lambda it: it.created).content if old else {}
    return {
        name: (here.get(name), value)
        for name, value in fields(difference.wanted.schedule).items()
        if (name in here or value not in ("", 0, {})) and here.get(name) != value
    }


def check_ownership(differing: Sequence[Difference], owner: str, file: LocatedYaml) -> None:
    """Refuse to touch what this owner did not declare.

    Raises:
        InputError: a declared name belongs to somebody else.
    """
    for difference in differing:
        for it in difference.found:
            if it.owner != owner and difference.wanted:
                whose = f"{it.owner!r} declares" if it.owner else "no file declares"
                raise InputError(
                    file.where((*difference.wanted.schedule.location, "name")),
                    difference.name,
                    f"a name that is free or of owner {owner!r}: one that {whose} has it",
                    "Give it another name, or replace that one by this with --adopt.",
                )


def _change(want: Wanted, found: Sequence[Found]) -> Change | None:
    if not found:
        return Change.CREATE
    old = predecessors(want, found)
    kept = [it for it in found if it not in old]
    if any(it.owner != want.owner for it in old):
        return Change.ADOPT
    if old:
        return Change.FINISH if kept else Change.REPLACE
    if kept[0].enabled != want.schedule.enabled:
        return Change.ENABLE if want.schedule.enabled else Change.DISABLE
    return None
