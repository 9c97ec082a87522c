"""How a notification can end; none of its ends fails a run."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    SENT = "sent"
    NOT_SENT = "not_sent"  # no receiver is named, or not as one can be used
    NOT_DELIVERED = "not_delivered"  # the receiver did not take it
