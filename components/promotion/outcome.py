"""How a promotion can end."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    PROMOTED = "promoted"  # it is champion, whoever made it so
    STALE = "stale"  # what it was judged against, or it itself, is no longer there; the service was not touched
