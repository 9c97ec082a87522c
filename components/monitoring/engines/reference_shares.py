"""The distribution function of a reference, of which a sketch knows only some places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from kfp_lifecycle.components.monitoring.engines.reference import NumberReference

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

Side = Literal["left", "right"]


def rows_below(reference: NumberReference, values: Numbers, side: Side) -> Numbers:
    """How many rows of the reference are smaller than each value (``left``), or at most as large (``right``).

    Between two quantiles of a sketch the rows are spread evenly; the rows that may really lie there bound the error,
    which is ``NumberReference.largest_error`` as a share.
    """
    places = np.searchsorted(reference.values, values, side)
    if reference.ranks is None:
        return places.astype(np.float64)
    quantiles, ranks = reference.values, reference.ranks
    inside = (places > 0) & (places < len(quantiles))
    before, after = np.where(inside, places - 1, 0), np.where(inside, places, 0)
    width = quantiles[after] - quantiles[before]
    part = np.divide(values - quantiles[before], width, out=np.zeros(len(values)), where=width > 0)
    between = ranks[before] + 1 + part * (ranks[after] - ranks[before] - 1)
    return np.where(inside, between, np.where(places > 0, float(reference.present), 0.0))


def quantiles_of(reference: NumberReference, shares: Numbers) -> Numbers:
    """The values that these shares of the rows do not exceed."""
    places = np.clip(np.ceil(shares * reference.present) - 1, 0, reference.present - 1)
    if reference.ranks is None:
        return np.asarray(reference.values[places.astype(np.int64)], dtype=np.float64)
    return np.interp(places, reference.ranks, reference.values)
