"""MLflow's alias of the champion, a mirror of what the service says."""

from __future__ import annotations

from kfp_lifecycle.adapters import inference_services, mlflow_connection, mlflow_registry
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.release import CHAMPION, alias

_ATTEMPTS = 5


def mirror_champion(
    connection: Connection, service: str, namespace: str, environment: str
) -> tuple[bool, tuple[str, ...]]:
    """Point the alias to the version that the service names champion.

    The service is read again after a write, because it may have changed while a slow writer slept: whoever comes
    last leaves the alias right.

    Returns:
        Whether the alias was moved, and why it could not be: a mirror must not stop a release that serves.
    """
    from mlflow.exceptions import MlflowException

    role, moved, champion = alias(CHAMPION, environment), False, ""
    for _ in range(_ATTEMPTS):
        live = inference_services.read(connection, service, namespace)
        if live is None or not live.champion_version or live.champion_version == champion:
            return moved, ()
        champion = live.champion_version
        try:
            registry = mlflow_connection.connect()
            if mlflow_registry.find_version(registry, live.model, champion) is None:
                return moved, (f"the alias {role!r} was not set: MLflow has no version {champion}, the champion",)
            if not mlflow_registry.set_alias(registry, live.model, role, champion):
                return moved, ()
        except (InputError, MlflowException) as error:
            return moved, (f"the alias could not be set: {error}; the next step of a release sets it",)
        moved = True
        print(f"MLflow alias {role!r} of {live.model!r} now points to version {champion}", flush=True)
    return moved, (f"the champion changed {_ATTEMPTS} times while the alias {role!r} was set",)
