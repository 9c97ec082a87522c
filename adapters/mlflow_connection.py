"""How every call reaches MLflow: bounded in time, repeated where a repeat can help, refused in words.

The client's own retries are set aside, because with their defaults a dead server is noticed after minutes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from kfp_lifecycle.core import settings
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

# Seconds. A call in flight ends after its own timeout, so a dead server is named after at most the sum.
PATIENCE = 18.0
CALL_TIMEOUT = 10
# Files may be large, and the server may write them elsewhere before it answers.
FILES_TIMEOUT = 600
_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
# The variables that hold our value, not the user's.
_ours: set[str] = set()
_TRANSIENT = {429, 500, 502, 503, 504}


def tracking_uri() -> str:
    """The setting; InputError when it is missing."""
    return settings.required(settings.MLFLOW_TRACKING_URI)


def public_uri(uri: str) -> str:
    """The URI without a password, fit for a log."""
    return re.sub(r"//[^/@]*@", "//", uri)


def connect() -> MlflowClient:
    """A client of the tracking server and registry of ``MLFLOW_TRACKING_URI``; nothing is called yet."""
    # A user who set these knows why.
    for name, value in ((_RETRIES, "0"), (_TIMEOUT, str(CALL_TIMEOUT))):
        if name not in os.environ:
            os.environ[name] = value
            _ours.add(name)
    from mlflow import MlflowClient

    uri = tracking_uri()
    return attempt(lambda: MlflowClient(tracking_uri=uri, registry_uri=uri))


@contextmanager
def time_for_files() -> Iterator[None]:
    """Let each call inside take as long as an artifact needs; a timeout that the user set stays as it is.

    The client reads the variable at each call, also in the threads with which it moves files.
    """
    before = os.environ.get(_TIMEOUT)
    # Ours, unless somebody set another value since.
    if before is not None and not (_TIMEOUT in _ours and before == str(CALL_TIMEOUT)):
        yield
        return
    os.environ[_TIMEOUT] = str(FILES_TIMEOUT)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TIMEOUT]
        else:
            os.environ[_TIMEOUT] = before


def error_code(error: BaseException) -> str:
    """MLflow's name of an error, such as ``RESOURCE_DOES_NOT_EXIST``; empty for other errors."""
    return str(getattr(error, "error_code", ""))


def _status(error: BaseException) -> int:
    status = getattr(error, "get_http_status_code", None)
    return int(status()) if callable(status) else 0


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later: no connection, a timeout, or a server's 429 or 5xx."""
    import requests

    return isinstance(error, requests.ConnectionError | requests.Timeout) or _status(error) in _TRANSIENT


def attempt(call: Callable[[], T]) -> T:
    """Make a call that may be repeated without harm.

    Raises:
        InputError: the server could not be reached, kept failing, or refused the credentials.
        MlflowException: any other answer, at once.
    """
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    retrying = Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_after_delay(PATIENCE),
        wait=wait_random_exponential(multiplier=0.2, max=4),
        reraise=True,
    )
    try:
        return retrying(call)
    except (MlflowException, RequestException) as error:
        uri = public_uri(tracking_uri())
        if is_transient(error):
            raise InputError(
                settings.MLFLOW_TRACKING_URI,
                uri,
                "an MLflow server that answers",
                f"Start it or correct the setting. The last answer was: {public_uri(str(error))[:300]}",
            ) from error
        if _status(error) in (401, 403):
            raise InputError(
                settings.MLFLOW_TRACKING_URI,
                uri,
                "an MLflow server that lets the step in",
                "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the Secret"
                f" {settings.SECRET!r}.",
            ) from error
        raise
