"""What became of one task of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TaskResult:
    """One task that ended; ``directory`` holds its artifacts by name, ``error`` is empty where it succeeded.

    Attributes:
        artifacts: what it made: by name, a list of uri, type and metadata.
        cached: an earlier run's outputs were taken; it has neither a folder nor a log of its own.
    """

    name: str
    seconds: float
    outputs: dict[str, Any]
    directory: str
    log: str
    error: str
    artifacts: dict[str, Any] = field(default_factory=dict)
    cached: bool = False


def task_result(event: Mapping[str, Any]) -> TaskResult:
    """The task of an event ``ended`` or ``cached``."""
    return TaskResult(
        name=event["task"],
        seconds=event.get("seconds", 0.0),
        outputs=event["outputs"],
        directory=event.get("directory", ""),
        log=event.get("log", ""),
        error=event.get("error", ""),
        artifacts=event["artifacts"],
        cached=event["event"] == "cached",
    )
