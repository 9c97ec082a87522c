"""How a sweep can end."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    RESTORED = "restored"  # at least one abandoned release was ended, or an alias repaired
    NOTHING_TO_DO = "nothing_to_do"
