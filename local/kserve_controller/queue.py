"""The work queue of the controller: each key once, failures later and later."""

from __future__ import annotations

import random
import threading
import time

Key = tuple[str, str]
_FIRST_DELAY, _LONGEST_DELAY = 0.2, 30.0


class Queue:
    """Keys to look at, in the order in which they fall due."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._changed = threading.Condition()
        self._closed = False

    def add(self, key: Key) -> None:
        """Look at the key now."""
        self._schedule(key, 0.0)

    def add_later(self, key: Key) -> None:
        """Look at the key again after a failure: doubling delays with jitter."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(_FIRST_DELAY * 2 ** min(failures, 10), _LONGEST_DELAY)
        self._schedule(key, delay * random.uniform(0.8, 1.2))

    def forget(self, key: Key) -> None:
        """The key's last turn went well."""
        self._failures.pop(key, None)

    def take(self, timeout: float) -> Key | None:
        """The next key that is due, None after the timeout or when the queue is closed."""
        end = time.monotonic() + timeout
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                key = min(self._due, key=lambda one: self._due[one], default=None)
                if key is not None and self._due[key] <= now:
                    del self._due[key]
                    return key
                next_due = min(end, self._due[key]) if key is not None else end
                if now >= end:
                    return None
                self._changed.wait(next_due - now)
        return None

    def close(self) -> None:
        """Wake every waiter; nothing comes any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _schedule(self, key: Key, delay: float) -> None:
        at = time.monotonic() + delay
        with self._changed:
            self._due[key] = min(at, self._due.get(key, at))
            self._changed.notify_all()
