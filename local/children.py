"""The supervisor's own children, Envoy and MLflow: started, awaited, started again when they die."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

_log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


@dataclass
class Child:
    """A program that should always run.

    Attributes:
        start: starts it; call it from the thread that lives as long as the supervisor.
        is_ready: whether it does its work.
    """

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    is_ready: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None
    begun: float = field(default_factory=time.monotonic)
    pause: float = _FIRST_PAUSE
    not_before: float = 0.0

    @property
    def pid(self) -> int:
        """Process id, 0 if it does not run."""
        return self.process.pid if self.process is not None and self.process.poll() is None else 0


def tend(child: Child) -> None:
    """Start the child if it does not run; after repeated deaths with growing pauses."""
    now = time.monotonic()
    if child.pid:
        if now - child.begun > _LONGEST_PAUSE:
            child.pause = _FIRST_PAUSE
        return
    if child.process is not None and child.not_before == 0.0:
        _log.warning("%s ended with status %s; it is started again", child.name, child.process.returncode)
        child.not_before = now + child.pause
        child.pause = min(child.pause * 2, _LONGEST_PAUSE)
    if now >= child.not_before:
        child.process, child.begun, child.not_before = child.start(), now, 0.0


def running(children: list[Child]) -> list[psutil.Process]:
    """Their processes."""
    return [psutil.Process(child.pid) for child in children if child.pid]
