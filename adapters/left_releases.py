"""The release that a run left open, ended for it."""

from __future__ import annotations

from kfp_lifecycle.adapters import release_records
from kfp_lifecycle.adapters.champion_alias import mirror_champion
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.release_endings import Ended, end_release
from kfp_lifecycle.adapters.release_takeovers import take_over
from kfp_lifecycle.core.release import Superseded


def end_left_release(
    connection: Connection, service: str, namespace: str, run_id: str, *, seconds: float, why: str
) -> Ended | None:
    """End the open release of this run, as ``release_endings`` says; None where it holds none.

    Args:
        seconds: how long the champion's restored spec may take to become ready.
        why: kept in the record.
    """
    stored = release_records.read(connection, service, namespace)
    held = stored.record.open if stored else None
    if stored is None or held is None or held.run_id != run_id:
        return None
    try:
        held = take_over(
            connection,
            service,
            namespace,
            held,
            run_id=run_id,
            seconds=seconds,
            still=lambda release: release.run_id == run_id,
        )
        ended = end_release(connection, service, namespace, held, seconds=seconds, why=why)
    except Superseded:
        # Whoever took it over ends it.
        return None
    mirror_champion(connection, service, namespace, stored.record.environment)
    return ended
