"""How a release can end."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    FIRST_RELEASE = "first_release"  # no champion stood before: it takes all traffic, and no judge is needed
    CANARY = "canary"  # it has its share beside the champion
    UNCHANGED = "unchanged"  # it is champion already, and nothing was written
    REFUSED = "refused"  # users get what they got before
