"""A connection to the KFP API by its generated client, with a token that is read anew for each request.

``kfp.Client`` cannot be used in a step: KFP's executor strips the ``kfp`` package down to its runtime.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import kfp_server_api
import tenacity
import urllib3.exceptions

from kfp_lifecycle.adapters import kfp_answers, kubernetes_connection
from kfp_lifecycle.adapters.kfp_errors import AUDIENCE, KfpError, refusal
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.errors import InputError

# Where KFP listens inside a cluster; kfp.Client assumes the same.
IN_CLUSTER = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
TIMEOUT = (5, 60)  # seconds to connect, seconds to answer
_POD_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_TRANSIENT_STATUS = (429, 502, 503, 504)
_TRANSIENT_ERRORS = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ReadTimeoutError,
    urllib3.exceptions.ProtocolError,
)
_ATTEMPTS = 6
_TOKEN_SECONDS = 3600
_HEALTH = "/apis/v2beta1/healthz"

Result = TypeVar("Result")


@dataclass(frozen=True)
class KfpConnection:
    """A KFP API.

    Attributes:
        host: its base URL.
        namespace: whose pipelines, runs and schedules are meant; empty on a single-user KFP.
    """

    host: str
    namespace: str
    client: kfp_server_api.ApiClient

    def read(self, what: str, call: Callable[..., Result], **arguments: Any) -> Result:
        """One reading request with bounded retries.

        Args:
            what: in words for errors, for example ``list pipelines``.
            call: a method of a ``kfp_server_api`` service made with ``client``.

        Raises:
            KfpError: the API refused, or was not reachable in any of the tries.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=tenacity.wait_exponential_jitter(initial=0.2, max=5, jitter=0.3),
            retry=tenacity.retry_if_exception(_is_transient),
            reraise=True,
        )
        return self._asked(what, lambda: retrying(call, **arguments, _request_timeout=TIMEOUT))

    def write(self, what: str, call: Callable[..., Result], **arguments: Any) -> Result:
        """One writing request, sent once: after a lost answer the caller looks for what it may have made.

        Raises:
            KfpError: the API refused, or did not answer (status 0; it may have done what was asked).
        """
        return self._asked(what, lambda: call(**arguments, _request_timeout=TIMEOUT))

    def _asked(self, what: str, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except kfp_server_api.ApiException as error:
            raise refusal(error.status, error.body or error.reason, what, self.host) from error
        except urllib3.exceptions.HTTPError as error:
            raise KfpError(
                0,
                f"cannot {what}: the KFP API at {self.host} does not answer ({error}). Check "
                f"{settings.KFP_ENDPOINT}, and that a NetworkPolicy lets this pod through.",
            ) from error


def connect(host: str = "", namespace: str = "") -> KfpConnection:
    """A connection by what is given, else by the settings.

    Args:
        host: base URL; default: ``KF_PIPELINES_ENDPOINT``, else KFP's own service when this is a pod.
        namespace: for a multi-user KFP; default: the pod's own or that of the kubeconfig. A single-user KFP, which its
            health answer tells, has none.

    Raises:
        InputError: no host is known, or it is no URL.
        KfpError: the API does not answer, or what answers is no KFP.
    """
    base = (host or settings.setting(settings.KFP_ENDPOINT)).rstrip("/")
    if not base and os.environ.get("KUBERNETES_SERVICE_HOST"):
        base = IN_CLUSTER
    if not base.startswith(("http://", "https://")):
        raise InputError(
            settings.KFP_ENDPOINT,
            base,
            "the base URL of a KFP API",
            "Set it, for example to https://kubeflow.example.com/pipeline or what `kfp-lifecycle local status` names.",
        )
    configuration = kfp_server_api.Configuration(host=base)
    # Retrying is decided here, by named errors, and not once more inside the HTTP pool.
    configuration.retries = False
    configuration.ssl_ca_cert = settings.setting(settings.KFP_CA_FILE) or None
    configuration.api_key_prefix["authorization"] = "Bearer"
    if settings.setting(settings.KFP_TOKEN_FILE) or service_account():
        # The client asks the hook only where it holds a key already, and sends an empty one as it is.
        configuration.api_key["authorization"] = ""
        configuration.refresh_api_key_hook = _TokenSource()
    client = kfp_answers.StrictClient(configuration)
    found = KfpConnection(base, "", client)
    if not kfp_answers.is_multi_user(health(found), base):
        return found
    return KfpConnection(base, namespace or kubernetes_connection.own_namespace(), client)


def health(connection: KfpConnection) -> dict[str, Any]:
    """The health answer as it is: the generated model drops the version.

    Raises:
        KfpError: the API refused or did not answer.
    """
    answer: dict[str, Any] = connection.read(
        "read its health",
        connection.client.call_api,
        resource_path=_HEALTH,
        method="GET",
        header_params={"Accept": "application/json"},
        response_type="object",
        auth_settings=["Bearer"],
        _return_http_data_only=True,
    )
    return answer


@dataclass
class _TokenSource:
    """Called by the client before each request; puts the current token into its configuration.

    A mounted token is renewed on disk by the kubelet, so the file is read each time; a requested one is kept until
    shortly before it ends.
    """

    _token: str = ""
    _renew_at: float = field(default=0.0)

    def __call__(self, configuration: kfp_server_api.Configuration) -> None:
        configuration.api_key["authorization"] = self._current()

    def _current(self) -> str:
        if path := settings.setting(settings.KFP_TOKEN_FILE):
            return _mounted(path)
        account = service_account()
        if account and time.monotonic() >= self._renew_at:
            self._token = _requested(*account)
            self._renew_at = time.monotonic() + 0.8 * _TOKEN_SECONDS
        return self._token


def _mounted(path: str) -> str:
    """The token in a file."""
    remedy = f"Mount a projected service account token with audience {AUDIENCE!r} there."
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        expected = f"a readable file that holds a token ({type(error).__name__})"
        raise InputError(settings.KFP_TOKEN_FILE, path, expected, remedy) from error
    if not token:
        raise InputError(settings.KFP_TOKEN_FILE, path, "a file that holds a token, not an empty one", remedy)
    return token


def service_account() -> tuple[str, str] | None:
    """Namespace and name of the pod's service account, from its own token; None outside of a pod."""
    if os.environ.get("KUBECONFIG") or not _POD_TOKEN.is_file():
        return None
    body = _POD_TOKEN.read_text(encoding="utf-8").strip().split(".")[1:2]
    try:
        claims = json.loads(base64.urlsafe_b64decode((body[0] if body else "") + "=="))
    except (binascii.Error, ValueError):
        return None
    parts = str(claims.get("sub", "")).split(":") if isinstance(claims, dict) else []
    return (parts[2], parts[3]) if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4 else None


def _requested(namespace: str, account: str) -> str:
    """A token of the service account for KFP's audience, by TokenRequest."""
    answer = kubernetes_connection.request(
        kubernetes_connection.connect(),
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
        verb="create",
        resource="serviceaccounts/token",
        namespace=namespace,
        body={
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [AUDIENCE], "expirationSeconds": _TOKEN_SECONDS},
        },
    )
    return str(json.loads(answer.data)["status"]["token"])


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, kfp_server_api.ApiException):
        return error.status in _TRANSIENT_STATUS
    return isinstance(error, _TRANSIENT_ERRORS)
