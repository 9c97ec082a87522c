"""The bucket of a latency histogram that says how many requests kept the objective."""

from __future__ import annotations

import math
from collections.abc import Mapping

from kfp_lifecycle.core.errors import InputError


def fast_series(buckets: Mapping[str, Mapping[str, float]], slo_milliseconds: float, unit: str) -> dict[str, float]:
    """The bucket at the objective of each histogram.

    Args:
        buckets: for each histogram its counts by upper edge, as the text of the label ``le``.
        unit: of the edges, ``ms`` or ``s``.

    Raises:
        InputError: a histogram has no edge there, so that nobody can tell what was slow.
    """
    fast = {}
    for series, counts in buckets.items():
        edges = {edge: _milliseconds(edge, unit) for edge in counts}
        at = [edge for edge, value in edges.items() if math.isclose(value, slo_milliseconds, rel_tol=1e-9)]
        if not at:
            usable = sorted({value for value in edges.values() if math.isfinite(value)})
            listed = ", ".join(f"{value:g}" for value in usable)
            raise InputError(
                "slo_milliseconds",
                slo_milliseconds,
                f"an upper edge of the latency histogram's buckets, in milliseconds: {listed or 'it has none'}",
                "Choose one of them, or 0 to leave latency out of the judgement.",
            )
        fast[series] = counts[at[0]]
    return fast


def _milliseconds(edge: str, unit: str) -> float:
    try:
        return float(edge) * (1000.0 if unit == "s" else 1.0)
    except ValueError:
        return math.nan
