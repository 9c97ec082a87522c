"""How a roll back can end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    ROLLED_BACK = "rolled_back"  # users get what they got before, and it was verified
    NOTHING_TO_DO = "nothing_to_do"  # no release of the kind is open
    NOT_RESTORED = "not_restored"  # what was there before could not be verified; a user must look


@dataclass(frozen=True)
class RolledBack:
    """An outcome, why in sentences with the deciding one first, and what was measured."""

    outcome: Outcome
    reasons: tuple[str, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RollBackRequest:
    """What is to be rolled back.

    Attributes:
        version: only this one; empty takes any.
        run_id: only an open release of this run; empty takes whoever's.
        reason: kept in the record.
        undo: whether a finished promotion is undone where no release is open.
        seconds: how long a rollout may take.
        holder: who holds what this call takes over.
    """

    service: str
    namespace: str
    version: str
    run_id: str
    reason: str
    undo: bool
    seconds: int
    holder: str
