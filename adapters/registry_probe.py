"""May this caller create a registered model and move its aliases? Tried with one of a reserved name, then removed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from kfp_lifecycle.adapters.mlflow_connection import attempt, connect, error_code, tracking_uri
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

RESERVED = "kfp-lifecycle-doctor-"
_ALIAS = "probe"
# Older ones were left by a process that was killed.
_ABANDONED_SECONDS = 3600
_DENIED = ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")
_Result = TypeVar("_Result")


class RegistryRefusal(RuntimeError):
    """The registry does not do what it was asked; ``code`` is MLflow's name of the error."""

    def __init__(self, message: str, code: str = "") -> None:
        self.code = code
        super().__init__(message)


def reserved_name() -> str:
    """A name that no other caller takes."""
    return f"{RESERVED}{uuid.uuid4().hex[:12]}"


def server_version() -> str:
    """What the tracking server says of itself; empty where there is none, as with a database in place of one.

    Raises:
        InputError: it does not answer.
    """
    uri = tracking_uri()
    connect()  # bounds each request in time
    if not uri.startswith(("http://", "https://")):
        return ""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    credentials = get_default_host_creds(uri)  # type: ignore[no-untyped-call]
    answer = attempt(lambda: http_request(credentials, "/version", "GET"))  # type: ignore[no-untyped-call]
    return str(answer.text).strip() if answer.status_code == 200 else ""


def list_models(client: MlflowClient) -> int:
    """How many registered models the first page has; proves that the registry can be read."""
    return len(attempt(lambda: client.search_registered_models(max_results=1)))


def rehearse(client: MlflowClient, name: str, proceed: Callable[[], None]) -> None:
    """Create a registered model, a version and an alias, and read the alias back.

    Args:
        proceed: called before each step; may raise to end the probe.

    Raises:
        InputError: the server does not answer.
        RegistryRefusal: it refuses one of the steps.
    """
    proceed()
    description = "A probe of kfp-lifecycle doctor: remove it."
    _step("create a registered model", lambda: client.create_registered_model(name, description=description))
    proceed()
    made = _step(
        "create a model version",
        lambda: client.create_model_version(name, source=f"s3://{name}/none", await_creation_for=0),
    )
    proceed()
    _step("set an alias", lambda: client.set_registered_model_alias(name, _ALIAS, made.version))
    proceed()
    found = _step("read an alias", lambda: client.get_model_version_by_alias(name, _ALIAS))
    if str(found.version) != str(made.version):
        raise RegistryRefusal(f"an alias points to version {found.version} right after it was set to {made.version}")


def remove(client: MlflowClient, name: str) -> None:
    """Remove the registered model of a probe, if it was made.

    Raises:
        InputError: the server does not answer.
        RegistryRefusal: the caller may not remove it.
    """
    try:
        _step("remove a registered model", lambda: client.delete_registered_model(name))
    except RegistryRefusal as error:
        if error.code != "RESOURCE_DOES_NOT_EXIST":
            raise


def remove_abandoned(client: MlflowClient) -> list[str]:
    """Remove what killed probes left more than an hour ago; their names."""
    found = attempt(lambda: client.search_registered_models(f"name LIKE '{RESERVED}%'", max_results=100))
    limit = (time.time() - _ABANDONED_SECONDS) * 1000
    names = [str(each.name) for each in found if int(each.creation_timestamp) < limit]
    for name in names:
        remove(client, name)
    return names


def _step(what: str, call: Callable[[], _Result]) -> _Result:
    from mlflow.exceptions import MlflowException

    try:
        return attempt(call)
    except MlflowException as error:
        raise RegistryRefusal(f"cannot {what}: {error}", error_code(error)) from error
    except InputError as error:
        # Credentials that are good for other calls, as a reading one came before.
        if isinstance(error.__cause__, MlflowException) and error_code(error.__cause__) in _DENIED:
            raise RegistryRefusal(f"cannot {what}: {error.__cause__}", error_code(error.__cause__)) from error
        raise
