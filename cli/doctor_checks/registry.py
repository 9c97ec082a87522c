"""MLflow: reachable, its version, and whether the registry takes models and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kfp_lifecycle.adapters import mlflow_connection, registry_probe
from kfp_lifecycle.adapters.registry_probe import RegistryRefusal
from kfp_lifecycle.cli.doctor_checks.context import Context
from kfp_lifecycle.cli.doctor_checks.examination import Check
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.diagnosis import Finding, failure, ok, warning
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.versions import MLFLOW_FLOOR, read_version, written

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAME = "mlflow"
_REACHABLE = f"Check {settings.MLFLOW_TRACKING_URI} and its credentials."
_RIGHTS = (
    "Give the credentials of the runs the right to create registered models and versions, and to set aliases; remove "
    f"what may be left under {registry_probe.RESERVED}*."
)


def checks(context: Context) -> list[Check]:
    """The checks of this module."""
    return [
        Check(NAME, _reachable, _REACHABLE),
        Check("mlflow registry", lambda: _registry(context), _RIGHTS, NAME, seconds=28),
    ]


def judge_version(name: str, version: str, uri: str) -> Finding:
    """Whether the server is new enough."""
    found, floor = read_version(version), written(MLFLOW_FLOOR)
    if not version:
        remedy = "Set an http or https address of an MLflow server, so that all pods reach it."
        return warning(name, f"{uri} names no server that tells its version", remedy)
    if found is None or found < MLFLOW_FLOOR:
        text = f"{version} at {uri} is older than {floor} and knows no logged models"
        return failure(name, text, f"Upgrade the server to MLflow {floor} or later.")
    return ok(name, f"{version} at {uri}")


def _reachable() -> list[Finding]:
    uri = mlflow_connection.public_uri(mlflow_connection.tracking_uri())
    version = registry_probe.server_version()
    registry_probe.list_models(mlflow_connection.connect())
    return [judge_version(NAME, version, uri)]


def _registry(context: Context) -> list[Finding]:
    name = "mlflow registry"
    if context.read_only:
        remedy = "Run the doctor without --read-only."
        return [warning(name, "rights to create and to set aliases were not tried, as --read-only asks", remedy)]
    client = mlflow_connection.connect()
    model = registry_probe.reserved_name()
    with context.probes.holding(f"registered model {model!r} in MLflow"):
        try:
            registry_probe.rehearse(client, model, context.probes.proceed)
        finally:
            stayed = _removed(client, model)
    if stayed:
        remedy = f"Remove the registered model {model!r} by hand; steps need no right to."
        return [warning(name, f"created {model!r} and set an alias, but the probe stayed: {stayed}", remedy)]
    abandoned = registry_probe.remove_abandoned(client)
    also = f"; removed {', '.join(abandoned)} of a doctor that was killed" if abandoned else ""
    return [ok(name, f"created {model!r}, set an alias, removed it again{also}")]


def _removed(client: MlflowClient, model: str) -> str:
    """Why the probe could not be removed; empty when it is gone."""
    try:
        registry_probe.remove(client, model)
    except (InputError, RegistryRefusal) as error:
        return str(error)[:200]
    return ""
