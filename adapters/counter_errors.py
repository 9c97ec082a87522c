"""Why counters could not be read."""

from __future__ import annotations


class CounterError(RuntimeError):
    """A reading failed: nothing answered in time, or not with counters. Another one may succeed."""


class NoSeries(RuntimeError):
    """The source answers, and knows none of the series that it was asked for, which is not the same as no traffic."""
