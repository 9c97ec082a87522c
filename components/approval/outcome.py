"""How a wait for approval can end."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"  # nobody said anything in time, which means no
    SUPERSEDED = "superseded"  # somebody else took the release over, or its canary off
