"""The engines: the same tests by two hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kfp_lifecycle.components.monitoring.engines.reference import NumberReference

    Numbers = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]

EngineName = Literal["alibi-detect", "native"]


@dataclass(frozen=True)
class TestResult:
    """A statistic, its p-value, and how far the statistic may be off because the reference is a sketch."""

    __test__ = False  # for pytest, which collects by name

    statistic: float
    p_value: float
    largest_error: float = 0.0


@dataclass(frozen=True)
class Engine:
    """One function a test. Their inputs are prepared: no missing value, no category without a row, enough rows.

    Attributes:
        name: as a user chooses it.
        ks: Kolmogorov-Smirnov, two-sided, asymptotic; sorted window values against a reference.
        cvm: Cramer-von Mises; the reference must hold every value.
        chi_square: counts of the reference and of the window, category by category.
        fet: Fisher's exact test, two-sided; counts of false and true in both.
    """

    name: EngineName
    ks: Callable[[NumberReference, Numbers], TestResult]
    cvm: Callable[[NumberReference, Numbers], TestResult]
    chi_square: Callable[[Counts, Counts], TestResult]
    fet: Callable[[Counts, Counts], TestResult]


def engine_named(name: str) -> Engine:
    """The engine of that name.

    Raises:
        InputError: there is none of that name.
    """
    if name == "native":
        from kfp_lifecycle.components.monitoring.engines.native import NATIVE

        return NATIVE
    if name == "alibi-detect":
        from kfp_lifecycle.components.monitoring.engines.alibi import ALIBI

        return ALIBI
    raise InputError("engine", name, "alibi-detect or native", "Choose one of them, or none to test no drift.")
