"""Watches InferenceServices and pods, and reconciles what changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from kfp_lifecycle.local.gateway.gateway import Gateway, GatewayError
from kfp_lifecycle.local.kserve_controller.objects import Object, Objects
from kfp_lifecycle.local.kserve_controller.queue import Queue
from kfp_lifecycle.local.kserve_controller.reconciler import Reconciler
from kfp_lifecycle.local.pods.pod import PodSpec

Key = tuple[str, str]
_log = logging.getLogger(__name__)
# What another turn may repair: the API or Envoy is busy, starting again, or has moved on.
_PASSING = (ApiException, HTTPError, GatewayError, OSError)
_RESYNC_SECONDS = 10.0


class Controller:
    """Two threads: one watches, one reconciles."""

    def __init__(self, objects: Objects, reconciler: Reconciler, gateway: Gateway) -> None:
        self._objects = objects
        self._reconciler = reconciler
        self._gateway = gateway
        self._services: dict[Key, Object] = {}
        self._deleted: dict[str, Object] = {}  # by uid, until nothing is left of them
        self._queue = Queue()
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="kserve-watch", daemon=True)
        self._worker = threading.Thread(target=self._work, name="kserve-reconcile", daemon=True)

    def start(self) -> None:
        """Begin to act."""
        self._watcher.start()
        self._worker.start()

    def close(self) -> None:
        """Act no more; the watching thread ends with the process."""
        self._stopped.set()
        self._queue.close()
        self._worker.join(timeout=30)

    def pod_changed(self, pod: PodSpec) -> None:
        """Look at the pod's service again."""
        self._queue.add((pod.namespace, pod.service))

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                services, version = self._objects.services()
                self._see_all(services)
                for change, service in self._objects.changes(version):
                    self._see(change, service)
            except _PASSING as error:
                if not self._stopped.wait(0.5):
                    _log.warning("watch of InferenceServices begins again: %s", _brief(error))
            except Exception:  # noqa: BLE001 - a watch that ends would leave every later change unseen
                _log.exception("watch of InferenceServices begins again")
                self._stopped.wait(5)

    def _see_all(self, services: list[Object]) -> None:
        present = {_key(service): service for service in services}
        for key in set(self._services) - set(present):
            self._see("DELETED", self._services[key])
        for service in present.values():
            self._see("MODIFIED", service)
        alive = [*present.values(), *self._deleted.values()]
        self._reconciler.collect_garbage({str(service["metadata"]["uid"]) for service in alive})

    def _see(self, change: str, service: Object) -> None:
        if change not in ("ADDED", "MODIFIED", "DELETED"):
            return
        key = _key(service)
        if change == "DELETED" or service["metadata"].get("deletionTimestamp"):
            self._services.pop(key, None)
            self._deleted[service["metadata"]["uid"]] = service
        else:
            self._services[key] = service
        self._queue.add(key)

    def _work(self) -> None:
        looked = time.monotonic()
        while not self._stopped.is_set():
            key = self._queue.take(timeout=_RESYNC_SECONDS)
            if key is not None:
                self._attempt(key, partial(self._turn, key))
            if time.monotonic() - looked > _RESYNC_SECONDS:
                looked = time.monotonic()
                self._attempt(None, self._gateway.prune)
                for known in list(self._services):
                    self._queue.add(known)

    def _turn(self, key: Key) -> None:
        for uid, gone in list(self._deleted.items()):
            if _key(gone) == key and self._reconciler.remove(gone, replaced=key in self._services):
                del self._deleted[uid]
        service = self._services.get(key)
        if service is not None:
            self._reconciler.reconcile(service)

    def _attempt(self, key: Key | None, act: Callable[[], None]) -> None:
        try:
            act()
        except _PASSING as error:
            # A conflict says that a newer object is on its way to us: nothing to report.
            if not (isinstance(error, ApiException) and error.status in (404, 409)):
                _log.warning("%s: will try again: %s", "/".join(key or ("gateway",)), _brief(error))
            if key is not None:
                self._queue.add_later(key)
        except Exception:  # noqa: BLE001 - one object that we cannot handle must not stop all others
            _log.exception("%s: will try again", "/".join(key or ("gateway",)))
            if key is not None:
                self._queue.add_later(key)
        else:
            if key is not None:
                self._queue.forget(key)


def _key(service: Object) -> Key:
    return service["metadata"]["namespace"], service["metadata"]["name"]


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{type(error).__name__}: {' '.join(lines)[:500]}"
