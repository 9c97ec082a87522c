"""What a task got and gave: its parameters, and its artifacts with the task that made each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kfp_api.tasks import Task

_MOST = 100


@dataclass(frozen=True)
class Given:
    """An artifact that a task got.

    Attributes:
        name: of the input.
        kind: its KFP type without the prefix.
        number: the task of the same run that made it; None if none did.
        source: that task's name; empty if there is none.
    """

    name: str
    kind: str
    uri: str
    number: int | None
    source: str


def parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a task's inputs or outputs."""
    found = values.get("parameters")
    return {str(name): value for name, value in found.items()} if isinstance(found, dict) else {}


def given(task: Task, run_tasks: Sequence[Task]) -> list[Given]:
    """The artifacts that a task got, in the order of their names."""
    folders = {each.directory: each for each in run_tasks if each.directory}
    found = []
    for name, uri, kind in _artifacts(task.inputs):
        maker = folders.get(uri.rpartition("/")[0])
        found.append(Given(name, kind, uri, maker.number if maker else None, maker.name if maker else ""))
    return found


def _artifacts(values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, URI and type of each artifact."""
    groups = values.get("artifacts")
    found = [
        (str(name), str(each.get("uri", "")), str(each.get("type", "")).removeprefix("system."))
        for name, group in (groups.items() if isinstance(groups, dict) else ())
        for each in (group if isinstance(group, list) else ())
        if isinstance(each, dict)
    ]
    return sorted(found)[:_MOST]
