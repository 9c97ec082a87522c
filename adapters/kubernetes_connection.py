"""A connection to the Kubernetes API through the official client, and which requests are tried again.

``DynamicClient`` is used because it can send a server-side apply in every client version that KFP allows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import tenacity
import urllib3.exceptions
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError, is_schema_error, refusal
from kfp_lifecycle.core.errors import InputError

Connection: TypeAlias = DynamicClient
TIMEOUT = (5, 60)  # seconds to connect, seconds to answer
TRANSIENT_STATUS = (429, 500, 502, 503, 504)
TRANSIENT_ERRORS = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ReadTimeoutError,
    urllib3.exceptions.ProtocolError,
)
_ATTEMPTS = 6
_LONGEST_WAIT = 30.0
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def connect(kubeconfig: str = "") -> Connection:
    """A connection by KUBECONFIG, else the pod's service account, else ``~/.kube/config``.

    Args:
        kubeconfig: a file to use before all of them.

    Raises:
        InputError: none of the three exists, or the file cannot be used.
    """
    configuration = client.Configuration()
    # Retrying is decided here, by named errors, and not once more inside the HTTP pool.
    configuration.retries = False
    try:
        if kubeconfig or os.environ.get("KUBECONFIG"):
            file = kubeconfig or os.environ["KUBECONFIG"]
            config.load_kube_config(config_file=file, client_configuration=configuration)
        elif os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise InputError(
            "KUBECONFIG",
            kubeconfig or os.environ.get("KUBECONFIG", ""),
            "the path of a kubeconfig file, or a pod's service account",
            f"Set KUBECONFIG, for example to the file that the local cluster wrote ({error}).",
        ) from error
    return DynamicClient(client.ApiClient(configuration), discoverer=_no_discovery)


def own_namespace() -> str:
    """The namespace of this pod, else that of the current kubeconfig context, else ``default``."""
    file = _SERVICE_ACCOUNT / "namespace"
    if not os.environ.get("KUBECONFIG") and file.is_file():
        return file.read_text(encoding="utf-8").strip()
    try:
        _, active = config.list_kube_config_contexts(os.environ.get("KUBECONFIG") or None)
    except config.ConfigException:
        return "default"
    return str((active or {}).get("context", {}).get("namespace") or "default")


def request(
    connection: Connection, method: str, path: str, *, verb: str, resource: str, namespace: str, **options: Any
) -> Any:
    """One request with bounded retries; the raw response.

    A write whose answer was lost may be sent twice. Each of ours carries a resourceVersion or creates a name, so the
    second one ends in ``Conflict``, and the writer reads again and finds its own work done.

    Raises:
        KubernetesError: the API refused, or was not reachable in any of the tries.
    """
    return _retrying(
        lambda: connection.request(method, path, serialize=False, _request_timeout=TIMEOUT, **options),
        verb,
        resource,
        namespace,
    )


def _retrying(call: Callable[[], Any], verb: str, resource: str, namespace: str) -> Any:
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=_wait,
        retry=tenacity.retry_if_exception(_is_transient),
        reraise=True,
    )
    try:
        return retrying(call)
    except ApiException as error:
        raise refusal(error.status, error.body or error.reason, verb, resource, namespace) from error
    except urllib3.exceptions.HTTPError as error:
        raise KubernetesError(
            0,
            f"cannot {verb} {resource}: the Kubernetes API does not answer ({error}). Check the kubeconfig's address.",
        ) from error


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, ApiException):
        return error.status in TRANSIENT_STATUS and not is_schema_error(error.status, error.body)
    return isinstance(error, TRANSIENT_ERRORS)


_backoff = tenacity.wait_exponential_jitter(initial=0.2, max=5, jitter=0.3)


def _wait(state: tenacity.RetryCallState) -> float:
    """Exponential with jitter, and not less than the server asks for."""
    error = state.outcome.exception() if state.outcome else None
    asked = str((getattr(error, "headers", None) or {}).get("Retry-After", ""))
    return _backoff(state) + (min(float(asked), _LONGEST_WAIT) if asked.isdigit() else 0.0)


def _no_discovery(_client: Any, _cache_file: str | None) -> None:
    """Every path is known: nothing is asked for at the start, and no cache of answers is left on disk."""
