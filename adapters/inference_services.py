"""InferenceServices on a cluster: read, applied under a condition, and followed until they serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kfp_lifecycle.adapters import kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Forbidden, KubernetesError
from kfp_lifecycle.adapters.kubernetes_objects import HTTP_ROUTES, INFERENCE_SERVICES, NAMESPACES, PODS
from kfp_lifecycle.core import inference_service
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inference_service import MANAGER, LiveService, Mode

KNATIVE_GROUP = "serving.knative.dev"
_SERVICE_LABEL = "serving.kserve.io/inferenceservice"


def check_namespace(connection: Connection, namespace: str) -> None:
    """Refuse a namespace that does not exist, before anything is written.

    Raises:
        InputError: it does not exist, or the caller has no rights in it, which a Role cannot tell apart.
    """
    remedy = "Create it, or name another one; an empty namespace means the one that the run is in."
    try:
        found = kubernetes_objects.get(connection, NAMESPACES, namespace, namespace)
    except Forbidden as error:
        expected = "a namespace where this run has rights"
        raise InputError("namespace", namespace, expected, f"{remedy} {error}") from error
    if found is None:
        raise InputError("namespace", namespace, "a namespace that exists", remedy)


def find_mode(connection: Connection) -> Mode:
    """The mode that the cluster can run: Knative where its API is served, else Standard."""
    return Mode.KNATIVE if kubernetes_objects.serves_group(connection, KNATIVE_GROUP) else Mode.STANDARD


def read(connection: Connection, service: str, namespace: str) -> LiveService | None:
    """The service as it is now, or None."""
    found = kubernetes_objects.get(connection, INFERENCE_SERVICES, service, namespace)
    return inference_service.read(found) if found else None


def apply(connection: Connection, manifest: Mapping[str, Any]) -> LiveService:
    """One server-side apply of everything that we own; see ``core.service_manifests``.

    Raises:
        adapters.kubernetes_errors.Conflict: the service changed since the manifest's resourceVersion was read.
        adapters.kubernetes_errors.FieldConflict: another field manager owns a field of the manifest.
    """
    return inference_service.read(kubernetes_objects.apply(connection, INFERENCE_SERVICES, manifest, MANAGER))


def rehearse(connection: Connection, manifest: Mapping[str, Any]) -> None:
    """The same apply as a dry run: schema, admission and field managers are checked, and nothing is written."""
    kubernetes_objects.apply(connection, INFERENCE_SERVICES, manifest, MANAGER, dry_run=True)


def follow(connection: Connection, service: str, namespace: str, seconds: float) -> Iterator[LiveService | None]:
    """The service now, at each change and at a steady heartbeat, until ``seconds`` have passed."""
    for manifest in kubernetes_objects.follow(connection, INFERENCE_SERVICES, service, namespace, seconds):
        yield inference_service.read(manifest) if manifest else None


def pods(connection: Connection, service: str, namespace: str, prefix: str) -> list[dict[str, Any]]:
    """The pods of a service whose names start with ``prefix``: those of one arm or revision."""
    found = kubernetes_objects.find(connection, PODS, namespace, f"{_SERVICE_LABEL}={service}")
    return [pod for pod in found if str(pod["metadata"]["name"]).startswith(prefix)]


def last_words(connection: Connection, pod: Mapping[str, Any], lines: int = 10) -> list[str]:
    """The last log lines of a pod's containers that ended or restarted, each with its container's name."""
    status = pod.get("status") or {}
    words: list[str] = []
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state") or {}
        if not container.get("restartCount") and not (state.get("terminated") or {}).get("exitCode"):
            continue
        name = str(container.get("name"))
        # While a container waits for its next start, only the log of its last life says why it died.
        text = _log(connection, pod, name, lines, previous=bool(state.get("waiting")))
        words += [f"{name}: {line}" for line in text.splitlines()[-lines:]]
    return words


def route(connection: Connection, service: str, namespace: str) -> tuple[Mapping[str, Any] | None, str]:
    """The service's HTTPRoute, None when there is none, and why it could not be read."""
    name = f"{service}-predictor"
    return _readable(lambda: kubernetes_objects.get(connection, HTTP_ROUTES, name, namespace))


def _readable(call: Callable[[], Mapping[str, Any] | None]) -> tuple[Mapping[str, Any] | None, str]:
    try:
        return call(), ""
    except KubernetesError as error:
        # 501 is the honest answer of an API that has no HTTPRoutes.
        if error.status in (401, 403, 501):
            return None, str(error)
        raise


def _log(connection: Connection, pod: Mapping[str, Any], container: str, lines: int, previous: bool) -> str:
    metadata = pod["metadata"]
    try:
        return kubernetes_objects.log(
            connection, metadata["namespace"], metadata["name"], container, lines, previous=previous
        )
    except KubernetesError as error:
        if previous:
            return _log(connection, pod, container, lines, previous=False)
        # A log that cannot be read must not hide the failure that it would have explained.
        return f"(no log: {error})"
