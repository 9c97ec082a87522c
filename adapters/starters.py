"""What a start at most once needs, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.core.reservation import LEASE

PATIENCE = 10.0  # seconds to wait for another caller that is starting the run


class How(StrEnum):
    """Where a run came from."""

    STARTED = "started"  # by this call
    ADOPTED = "adopted"  # by an earlier one that died before it could record it
    BEFORE = "before"  # it was recorded


class StartPending(RuntimeError):
    """Another caller holds the reservation, and no run is known yet; ask again in ``seconds``."""

    def __init__(self, key: str, seconds: float) -> None:
        self.seconds = max(1.0, seconds)
        super().__init__(
            f"another caller has reserved {key!r} and not yet recorded a run; if it died, the reservation can be taken "
            f"over in {self.seconds:.0f} s"
        )


@dataclass(frozen=True)
class Started:
    """The run of a key."""

    run_id: str
    run_name: str
    how: How


@dataclass(frozen=True)
class Starter:
    """What a start needs, but for its key.

    Attributes:
        namespace: of the reservations.
        lease: after which a holder without a record may be taken for dead.
    """

    kubernetes: Connection
    kfp: KfpConnection
    namespace: str
    lease: timedelta = LEASE
    patience: float = PATIENCE
