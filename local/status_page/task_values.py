"""What a task got and gave: its parameters, and its artifacts with the task that made each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kfp_api.tasks import Task

_MOST = 100


@dataclass(frozen=True)
class Noted:
    """An artifact as KFP notes it; ``kind`` is its type without the prefix, for example HTML or Dataset."""

    name: str
    uri: str
    kind: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Given:
    """An artifact that a task got.

    Attributes:
        number: the task of the same run that made it; None if none did.
        source: that task's name; empty if there is none.
    """

    noted: Noted
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
    for each in artifacts(task.inputs):
        maker = folders.get(each.uri.rpartition("/")[0])
        found.append(Given(each, maker.number if maker else None, maker.name if maker else ""))
    return found


def artifacts(values: Mapping[str, Any]) -> list[Noted]:
    """The artifacts of a task's inputs or outputs, in the order of their names."""
    groups = values.get("artifacts")
    found = [
        Noted(str(name), str(each.get("uri", "")), str(each.get("type", "")).removeprefix("system."), _metadata(each))
        for name, group in (groups.items() if isinstance(groups, dict) else ())
        for each in (group if isinstance(group, list) else ())
        if isinstance(each, dict)
    ]
    return sorted(found, key=lambda each: (each.name, each.uri))[:_MOST]


def _metadata(artifact: Mapping[str, Any]) -> dict[str, Any]:
    found = artifact.get("metadata")
    return {str(name): value for name, value in found.items()} if isinstance(found, dict) else {}
