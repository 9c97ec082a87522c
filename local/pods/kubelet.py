"""Runs pods: starts, probes, restarts and stops their processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import ports, processes
from kfp_lifecycle.local.pods import logs, pod, storage
from kfp_lifecycle.local.pods.pod import PodSpec, PodStatus, Stage
from kfp_lifecycle.local.pods.probe import answers
from kfp_lifecycle.local.settings import ClusterSettings

Key = tuple[str, str]
INITIALIZER = "storage-initializer"
# In the environment of every model server: namespace/revision/pod.
POD_MARK = "KFP_LIFECYCLE_LOCAL_POD"
# Between losing its share of the traffic and SIGTERM: requests on their way still find the server.
_DRAIN_SECONDS = 1.0


@dataclass
class _Held:
    spec: PodSpec
    status: PodStatus
    process: subprocess.Popen[bytes] | None = None
    model: Path | None = None
    job: Future[None] | None = None  # the fetch or probe under way
    probed: float = 0.0
    stops_at: float | None = None


@dataclass(frozen=True)
class Pod:
    """A pod as others see it."""

    spec: PodSpec
    status: PodStatus
    stopping: bool = field(default=False)


class Kubelet:
    """All pods of the cluster and the one thread that acts on them."""

    def __init__(
        self, *, state: Path, log_folder: Path, settings: ClusterSettings, changed: Callable[[PodSpec], None]
    ) -> None:
        self._state = state
        self._log_folder = log_folder
        self._settings = settings
        self._timings = settings.timings
        self._changed = changed
        self._pods: dict[Key, _Held] = {}
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._jobs = ThreadPoolExecutor(max_workers=8, thread_name_prefix="kubelet-job")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)

    def start(self) -> None:
        """Begin to act."""
        self._thread.start()

    def close(self) -> None:
        """Stop every pod at once and end."""
        self._stopped.set()
        self._wake.set()
        self._thread.join()
        self._jobs.shutdown(wait=False, cancel_futures=True)

    def ensure(self, spec: PodSpec) -> None:
        """Run this pod unless it is there already."""
        with self._lock:
            if (spec.namespace, spec.name) not in self._pods:
                self._pods[spec.namespace, spec.name] = _Held(spec, PodStatus(created=time.time()))
        self._wake.set()

    def stop(self, namespace: str, name: str) -> None:
        """End this pod after a moment in which requests on their way are answered."""
        with self._lock:
            held = self._pods.get((namespace, name))
            if held is not None and held.stops_at is None:
                held.stops_at = time.monotonic() + _DRAIN_SECONDS
        self._wake.set()

    def pods(self, namespace: str, service: str) -> list[Pod]:
        """The pods of one InferenceService, oldest first."""
        with self._lock:
            mine = [
                Pod(held.spec, held.status, held.stops_at is not None)
                for held in self._pods.values()
                if (held.spec.namespace, held.spec.service) == (namespace, service)
            ]
        return sorted(mine, key=lambda one: (one.status.created, one.spec.name))

    def read_log(self, namespace: str, name: str, container: str) -> bytes | None:
        """Output of the server's last run, or of the storage initializer; None if there is no such pod."""
        if (namespace, name) not in self._pods:
            return None
        file = logs.path(self._log_folder, namespace, name)
        return logs.read_initializer(file) if container == INITIALIZER else logs.read_run(file) or b""

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            with self._lock:
                held = list(self._pods.values())
            for one in held:
                self._act(one)
            self._wake.wait(self._timings.relist)
        # Here and not in close(): the kernel kills the children when the thread that started them ends.
        children = [one.process for one in self._pods.values() if one.process is not None]
        running = [psutil.Process(child.pid) for child in children if child.poll() is None]
        processes.stop(running, grace_seconds=self._timings.grace)

    def _act(self, held: _Held) -> None:
        status, busy = held.status, held.job is not None and not held.job.done()
        if held.stops_at is not None:
            self._end(held, held.stops_at)
        elif status.stage is Stage.FETCHING and not busy:
            held.job = self._jobs.submit(self._fetch, held)
        elif status.stage is Stage.TERMINATED:
            self._set(held, pod.backed_off(status, self._timings))
        elif status.stage is Stage.WAITING and time.time() >= status.waits_until:
            try:
                self._set(held, self._begin(held))
            except OSError as error:  # no process, port or disk left: a failed run like any other
                self._set(held, pod.ended(status, exit_code=128, message=str(error), now=time.time()))
        elif status.stage is Stage.RUNNING:
            code = held.process.poll() if held.process else 0
            if code is not None:
                message = logs.last_line(self._log(held))
                self._set(held, pod.ended(status, exit_code=code, message=message, now=time.time()))
            elif not busy and time.monotonic() - held.probed >= self._timings.probe:
                held.probed = time.monotonic()
                held.job = self._jobs.submit(self._probe, held, status)

    def _begin(self, held: _Held) -> PodStatus:
        """Start the next run: of the server, or of the storage initializer if that failed."""
        status, spec = held.status, held.spec
        if not status.fetched:
            held.status = pod.started(status, pid=0, port=0, now=time.time())
            return replace(held.status, stage=Stage.FETCHING)
        port = ports.free_port(preferred=status.port)
        address = ["--model_name", spec.model_name, "--model_dir", str(held.model), "--http_port", str(port)]
        logs.begin_run(self._log(held), status.restarts)
        held.process = processes.start(
            [*self._settings.server_command(), *address, "--host", ports.LOOPBACK, *spec.arguments],
            log=self._log(held),
            state=self._state,
            environment=_environment(spec),
        )
        return pod.started(status, pid=held.process.pid, port=port, now=time.time())

    def _fetch(self, held: _Held) -> None:
        try:
            held.model = storage.fetch(held.spec.storage_uri, self._state / "cache" / held.spec.name)
        except (InputError, OSError, ValueError, ImportError) as error:
            logs.add_line(self._log(held), str(error))
            self._set(held, pod.ended(held.status, exit_code=1, message=str(error), now=time.time()))
        else:
            self._set(held, pod.fetched(held.status))
        self._wake.set()

    def _probe(self, held: _Held, seen: PodStatus) -> None:
        success = answers(seen.port, held.spec.ready_path, timeout=self._timings.probe_timeout)
        with self._lock:
            # The process may have ended and begun again meanwhile; then this answer is about another run.
            if held.status.pid == seen.pid:
                self._set(held, pod.probed(held.status, success=success, timings=self._timings))

    def _set(self, held: _Held, status: PodStatus) -> None:
        with self._lock:
            before, held.status = held.status, status
        if replace(before, misses=0) != replace(status, misses=0):
            self._changed(held.spec)

    def _end(self, held: _Held, stops_at: float) -> None:
        now = time.monotonic()
        running = held.process is not None and held.process.poll() is None
        if running and held.process is not None and now >= stops_at:
            held.process.kill() if now >= stops_at + self._timings.grace else held.process.terminate()
        if running or (held.job is not None and not held.job.done()):
            return
        with self._lock:
            self._pods.pop((held.spec.namespace, held.spec.name), None)
        shutil.rmtree(self._state / "cache" / held.spec.name, ignore_errors=True)
        self._changed(held.spec)

    def _log(self, held: _Held) -> Path:
        return logs.path(self._log_folder, held.spec.namespace, held.spec.name)


def _environment(spec: PodSpec) -> dict[str, str]:
    own = {
        "INFERENCE_SERVICE_NAME": spec.service,
        "PYTHONUNBUFFERED": "1",
        # A container's host name is its pod's.
        "HOSTNAME": spec.name,
        POD_MARK: f"{spec.namespace}/{spec.revision}/{spec.name}",
    }
    return {**os.environ, **own, **dict(spec.environment)}
