"""What the KFP API can answer, as errors that say what to do."""

from __future__ import annotations

import json

AUDIENCE = "pipelines.kubeflow.org"
_MAY_PASS = (0, 429, 500, 502, 503, 504)


class KfpError(RuntimeError):
    """The KFP API refused a request, or did not answer; ``status`` is the HTTP status, 0 without an answer."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class KfpForbidden(KfpError):
    """The token is missing, wrong, or lacks the right."""


class KfpAbsent(KfpError):
    """There is no such pipeline, version, run, recurring run or experiment."""


class KfpConflict(KfpError):
    """The name is taken."""


class KfpInvalid(KfpError):
    """The API cannot take what was sent."""


def may_pass(error: BaseException) -> bool:
    """Whether another try of a write may succeed: the API was away or at fault. It may have done what was asked."""
    return isinstance(error, KfpError) and error.status in _MAY_PASS


def refusal(status: int, body: str | bytes | None, what: str, host: str) -> KfpError:
    """The error for an answer that a retry does not change.

    Args:
        body: the answer; a ``google.rpc.Status`` as JSON, or whatever a proxy put in its place.
        what: what was asked, for example ``list pipelines``.
    """
    message = _message(body) or f"HTTP {status}"
    said = f"the KFP API at {host} refused to {what}: {message}"
    if status in (401, 403):
        return KfpForbidden(
            status,
            f"{said}. It wants a token for the audience {AUDIENCE!r}: mount one and set KF_PIPELINES_SA_TOKEN_PATH, or "
            "let the service account request one; on a multi-user Kubeflow the account also needs a RoleBinding to "
            "kubeflow-edit in the namespace.",
        )
    if status == 404:
        return KfpAbsent(status, f"{said}.")
    if status == 409:
        return KfpConflict(status, f"{said}.")
    if 400 <= status < 500:
        return KfpInvalid(status, f"{said}.")
    return KfpError(status, f"{said}.")


def _message(body: str | bytes | None) -> str:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    try:
        content = json.loads(text)
    except ValueError:
        return text.strip()[:500]
    if not isinstance(content, dict):
        return text.strip()[:500]
    return str(content.get("message") or content.get("error_message") or content.get("error") or text)[:500]
