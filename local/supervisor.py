"""The one process of a local cluster that starts and ends all others.

It holds the Kubernetes API and the KServe controller; Envoy, MLflow, the KFP API and the model servers are its
children.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import IO, Any

import psutil

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import children, kfp_server, kfp_tokens, mlflow_server, processes
from kfp_lifecycle.local.children import Child
from kfp_lifecycle.local.environment import environment
from kfp_lifecycle.local.gateway.gateway import Gateway
from kfp_lifecycle.local.kubeconfig import STEPS_USER
from kfp_lifecycle.local.pods import logs
from kfp_lifecycle.local.ports import LOOPBACK, free_port
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder, read_json, write_json

# Lines with this mark tell whoever waits for the cluster how far it is.
PROGRESS = "[up] "
_READY_SECONDS = 180.0


def lock(state: StateFolder) -> IO[str] | None:
    """The state folder's lock, None if another supervisor holds it; the kernel frees it with its holder."""
    file = state["lock"].open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


class Supervisor:
    """A local cluster while it runs."""

    def __init__(self, state: StateFolder, settings: ClusterSettings) -> None:
        self._state = state
        self._settings = settings
        self._stopped = threading.Event()
        self._children: list[Child] = []
        known = (read_json(state["cluster.json"]) or {}).get("ports", {})
        wanted = ("kubernetes", "gateway", "gateway_admin", *(("mlflow",) if settings.mlflow else ()))
        wanted += ("kfp",) if settings.kfp else ()
        # The same ports as last time keep the addresses in kubeconfigs and notebooks valid.
        self._ports = {name: free_port(known.get(name, 0)) for name in wanted}
        self.urls = {name: f"http://{LOOPBACK}:{port}" for name, port in self._ports.items()}
        self.urls["kubernetes"] = f"https://{LOOPBACK}:{self._ports['kubernetes']}"

    def run(self) -> None:
        """Start everything, keep it running until :meth:`stop`, end everything."""
        began = time.monotonic()
        gateway = self._start_children()
        from kfp_lifecycle.local.control_plane import ControlPlane

        control = ControlPlane(self._state, self._settings, gateway, port=self._ports["kubernetes"])
        try:
            control.start()
            _say(f"Kubernetes API    {self.urls['kubernetes']}")
            self._start_kfp(control.token_key)
            self._await_children()
            _say(f"ready after {time.monotonic() - began:.1f} s")
            self._record(ready=True)
            while not self._stopped.wait(1.0):
                self._renew_token(control.token_key)
                pids = [child.pid for child in self._children]
                for child in self._children:
                    children.tend(child)
                if pids != [child.pid for child in self._children]:
                    self._record(ready=True)
        finally:
            control.close()
            processes.stop(children.running(self._children), grace_seconds=self._settings.timings.grace)
            self._record(ready=False)

    def stop(self, *_: int | FrameType | None) -> None:
        """End soon; safe in a signal handler."""
        self._stopped.set()

    def _start_children(self) -> Gateway:
        """MLflow first: it takes longest, and everything else starts meanwhile."""
        if self._settings.mlflow:
            url = self.urls["mlflow"]
            self._add(
                "MLflow",
                lambda: mlflow_server.start(self._state, self._ports["mlflow"]),
                lambda: mlflow_server.is_ready(url),
            )
        gateway = Gateway(
            self._state["gateway"],
            port=self._ports["gateway"],
            admin_port=self._ports["gateway_admin"],
            max_body_bytes=self._settings.max_body_bytes,
        )
        log = self._state.logs / "gateway.log"
        self._add("gateway", lambda: gateway.start(log=log, state=self._state.path), gateway.is_live)
        variables = environment(
            self._state,
            self._settings,
            gateway_url=gateway.url,
            gateway_admin_url=gateway.admin_url,
            mlflow_url=self.urls.get("mlflow", ""),
            kfp_url=self.urls.get("kfp", ""),
        )
        write_json(self._state["environment.json"], variables)
        self._record(ready=False)
        return gateway

    def _start_kfp(self, token_key: bytes) -> None:
        """After the Kubernetes API, which the steps of its runs need from the first moment."""
        if not self._settings.kfp:
            return
        if self._settings.kfp_tokens:
            kfp_tokens.share(self._state, token_key)
        self._renew_token(token_key)
        url = self.urls["kfp"]
        self._add("KFP", lambda: kfp_server.start(self._state, self._ports["kfp"]), lambda: kfp_server.is_ready(url))

    def _renew_token(self, token_key: bytes) -> None:
        if self._settings.kfp and self._settings.kfp_tokens:
            kfp_tokens.renew(self._state, token_key, STEPS_USER)

    def _add(self, name: str, start: Callable[[], Any], is_ready: Callable[[], bool]) -> None:
        child = Child(name, start, is_ready)
        children.tend(child)
        self._children.append(child)

    def _await_children(self) -> None:
        waiting = {child.name: child for child in reversed(self._children)}
        deadline = time.monotonic() + _READY_SECONDS
        while waiting and not self._stopped.is_set():
            for child in list(waiting.values()):
                if child.pid and child.is_ready():
                    del waiting[child.name]
                    _say(f"{child.name:<17} {self.urls[child.name.lower()]}")
                elif not child.pid:
                    log = self._state.logs / f"{child.name.lower()}.log"
                    raise RuntimeError(f"{child.name} ended while starting; see {log}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"not ready after {_READY_SECONDS:.0f} s: {', '.join(waiting)}")
            self._stopped.wait(0.1)

    def _record(self, *, ready: bool) -> None:
        process = psutil.Process()
        pids = {"supervisor": process.pid} | {child.name.lower(): child.pid for child in self._children}
        value = {
            "ready": ready,
            "created": process.create_time(),
            "pids": pids,
            "ports": self._ports,
            "urls": self.urls,
            "settings": self._settings.to_json(),
        }
        write_json(self._state["cluster.json"], value)


def run(state: StateFolder, settings: ClusterSettings) -> int:
    """Be the supervisor of this state folder until told to stop; the process's exit status."""
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    held = lock(state)
    if held is None:
        print(f"{PROGRESS}another supervisor runs on {state.path}", flush=True)
        return 1
    os.environ[processes.MARK] = str(state.path)
    leftovers = processes.marked(state.path)
    if leftovers:
        _say(f"ending {len(leftovers)} processes that a crash left behind")
        processes.stop(leftovers, grace_seconds=2)
    state.logs.mkdir(exist_ok=True)
    state.models.mkdir(exist_ok=True)
    logs.keep_newest(state.logs)
    supervisor = Supervisor(state, settings)
    signal.signal(signal.SIGTERM, supervisor.stop)
    signal.signal(signal.SIGINT, supervisor.stop)
    try:
        supervisor.run()
    except (InputError, RuntimeError, OSError) as error:
        print(f"{PROGRESS}failed: {error}", flush=True)
        logging.getLogger(__name__).debug("failed", exc_info=True)
        return 1
    finally:
        held.close()
    return 0


def main() -> int:
    """The daemon's entry point: ``python -m kfp_lifecycle.local.supervisor --state DIR``; settings on stdin."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    state = StateFolder.at(parser.parse_args().state)
    return run(state, ClusterSettings.from_json(json.load(sys.stdin)))


def _say(text: str) -> None:
    print(f"{PROGRESS}{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
