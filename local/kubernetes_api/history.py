"""The recent changes of the store, kept in memory for watches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

EVENTS_KEPT = 4096
BYTES_KEPT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Change:
    """One change of one object.

    Attributes:
        version: the resourceVersion that the change made.
        type: ADDED, MODIFIED or DELETED.
        resource: qualified plural, as in `Kind.qualified`.
        after: the object after the change; of a deletion the last state, with the version of the deletion.
        before: the object before it, None for ADDED.
        text: JSON of `after`.
    """

    version: int
    type: str
    resource: str
    namespace: str
    after: dict[str, Any]
    before: dict[str, Any] | None
    text: str


class History:
    """A bounded list of changes and the watchers to wake when one comes.

    A watcher holds only its position, so a slow one costs nothing; if it falls behind the oldest change kept it
    is told that its version is too old, as by the real server.
    """

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self._changes: deque[Change] = deque()
        self._bytes = 0
        self._wakers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.closed = False

    def add(self, change: Change) -> None:
        self._changes.append(change)
        self._bytes += len(change.text)
        while len(self._changes) > EVENTS_KEPT or self._bytes > BYTES_KEPT:
            dropped = self._changes.popleft()
            self._bytes -= len(dropped.text)
            self.floor = dropped.version
        self._wake()

    def after(self, version: int) -> list[Change]:
        """Changes newer than this version, oldest first. Check `floor` first."""
        found: list[Change] = []
        for change in reversed(self._changes):
            if change.version <= version:
                break
            found.append(change)
        return found[::-1]

    @contextmanager
    def waker(self) -> Iterator[asyncio.Event]:
        """An event of the running loop that is set at each change and when the history closes."""
        event = asyncio.Event()
        self._wakers[event] = asyncio.get_running_loop()
        try:
            yield event
        finally:
            del self._wakers[event]

    def close(self) -> None:
        """Ends every watch, so that a server can stop."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        for event, loop in list(self._wakers.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
