"""What ``monitor`` can answer."""

from __future__ import annotations

from enum import StrEnum


class MonitorOutcome(StrEnum):
    """From well to unknown."""

    HEALTHY = "healthy"
    ALERT = "alert"  # a drift of what matters, or a loss that is not yet sustained
    RETRAIN = "retrain"  # a sustained loss of performance, or a drift where the policy asks for a challenger
    DATA_FAULT = "data_fault"  # the rows are broken: to retrain on them would do harm
    INSUFFICIENT_DATA = "insufficient_data"
