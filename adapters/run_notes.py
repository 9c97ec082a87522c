"""Where the notes on runs are kept: one ConfigMap in the namespace of the runs, changed by compare-and-set only."""

from __future__ import annotations

from typing import Any

from kfp_lifecycle.adapters import kubernetes_connection, kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.adapters.kubernetes_objects import CONFIG_MAPS
from kfp_lifecycle.adapters.release_writes import ATTEMPTS
from kfp_lifecycle.core.run_notes import RunNote, is_key, note_of, with_note

NAME = "kfp-lifecycle-runs"


def write(run_id: str, note: RunNote) -> None:
    """Keep a note on a run.

    Raises:
        InputError, KubernetesError: the API cannot be reached, or refuses.
    """
    if not is_key(run_id):
        return
    connection, namespace = kubernetes_connection.connect(), kubernetes_connection.own_namespace()
    for _ in range(ATTEMPTS):
        found = kubernetes_objects.get(connection, CONFIG_MAPS, NAME, namespace)
        body: dict[str, Any] = found or {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": namespace},
        }
        changed = {**body, "data": with_note(body.get("data") or {}, run_id, note)}
        try:
            (kubernetes_objects.replace if found else kubernetes_objects.create)(connection, CONFIG_MAPS, changed)
        except Conflict:
            continue
        return
    raise RuntimeError(f"ConfigMap {NAME!r} changed {ATTEMPTS} times in a row")


def read(run_id: str) -> RunNote | None:
    """The note on a run, or None.

    Raises:
        InputError, KubernetesError: the API cannot be reached, or refuses.
    """
    connection, namespace = kubernetes_connection.connect(), kubernetes_connection.own_namespace()
    found = kubernetes_objects.get(connection, CONFIG_MAPS, NAME, namespace)
    return note_of((found or {}).get("data") or {}, run_id)
