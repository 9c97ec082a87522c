"""Corrections of p-values for the number of tests made together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


def bonferroni(p_values: Values) -> Values:
    """Each p times the number of tests: bounds the chance of any false alarm in the window."""
    return np.minimum(p_values * len(p_values), 1.0)


def holm(p_values: Values) -> Values:
    """Bounds the same chance and is never larger than Bonferroni's (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def fdr(p_values: Values) -> Values:
    """Bounds the expected share of false alarms among all alarms (Benjamini and Hochberg 1995)."""
    order = np.argsort(p_values, kind="stable")
    count = len(p_values)
    steps = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


CORRECTIONS: dict[str, Callable[[Values], Values]] = {"bonferroni": bonferroni, "holm": holm, "fdr": fdr}
