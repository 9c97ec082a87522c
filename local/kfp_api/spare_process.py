"""A process that has imported KFP already and waits for the next run, which is then spared that."""

from __future__ import annotations

import subprocess
import threading

from kfp_lifecycle.local.runner_session import release, start_process


class SpareProcess:
    """At most one; any thread may take it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def refill(self) -> None:
        """Start one if there is none; after :meth:`close` there never is."""
        with self._lock:
            if self._process is None and not self._closed:
                self._process = start_process()

    def take(self) -> subprocess.Popen[bytes] | None:
        """The process, if there is one that lives."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.poll() is not None:
            release(process)
            return None
        return process

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._closed = True
        process = self.take()
        if process is not None:
            process.kill()
            process.wait()
            release(process)
