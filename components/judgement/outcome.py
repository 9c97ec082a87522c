"""How a judgement can end."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"
    SUPERSEDED = "superseded"  # somebody else took the release over, or the canary off
