"""A thread that works when it is woken, and takes the whole process down with it if it fails."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


def start_thread(name: str, work: Callable[[], None]) -> threading.Thread:
    """Start it; should it raise, the process is asked to end, so that its supervisor starts it anew."""

    def guarded() -> None:
        try:
            work()
        # A server that goes on without its scheduler would promise runs that never come.
        except Exception:  # noqa: BLE001
            _log.exception("%s failed; the KFP API ends", name)
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread, seconds: float) -> bool:
    """Whether a thread ends within this time."""
    thread.join(max(seconds, 0.0))
    return not thread.is_alive()


class Worker:
    """Calls ``work`` at each wake, and when the time has passed that the last call gave in seconds."""

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        self._name = name
        self._work = work
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; it works at once."""
        self._thread = start_thread(self._name, self._loop)

    def wake(self) -> None:
        """Let it look again."""
        self._woken.set()

    def close(self) -> None:
        """Let the thread end after its present call."""
        self._closing.set()
        self._woken.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread's end; False if it has not come within this time."""
        return self._thread is None or ended(self._thread, seconds)

    def _loop(self) -> None:
        while True:
            # Cleared first: what changes while it works is seen at the next turn.
            self._woken.clear()
            if self._closing.is_set():
                return
            self._woken.wait(self._work())
