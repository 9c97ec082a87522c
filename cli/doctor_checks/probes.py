"""What checks make for a moment, so that nothing of it stays behind when the doctor is interrupted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(RuntimeError):
    """The doctor is about to end: make nothing more."""


class Probes:
    """The things that exist at this moment because of a check, by their names in words."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: set[str] = set()
        self._closing = False

    @contextmanager
    def holding(self, what: str) -> Iterator[None]:
        """Inside, the thing may exist; the caller removes it before the end.

        Raises:
            Interrupted: the doctor is about to end.
        """
        with self._changed:
            if self._closing:
                raise Interrupted(f"{what} was not made")
            self._held.add(what)
        try:
            yield
        finally:
            with self._changed:
                self._held.discard(what)
                self._changed.notify_all()

    def proceed(self) -> None:
        """Go on with the next step of a probe.

        Raises:
            Interrupted: the doctor is about to end; remove what there is.
        """
        if self._closing:
            raise Interrupted("the doctor ends")

    def close(self, seconds: float) -> list[str]:
        """Let no new thing be made, and wait until those that exist are gone; what is left after that time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._closing = True
            while self._held and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return sorted(self._held)
