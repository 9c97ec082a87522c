"""What is tested in a window, and when a column counts as drifted."""

from __future__ import annotations

import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kfp_lifecycle.components.monitoring.engines.corrections import CORRECTIONS
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.signature import ColumnType

NumberTest = Literal["ks", "cvm"]
BooleanTest = Literal["chi_square", "fet"]
# A column matters when it has this share of the largest importance.
IMPORTANT_SHARE = 0.2


@dataclass(frozen=True)
class DriftPlan:
    """See the module.

    Attributes:
        columns: what is tested, by name and type; the score is a number under its own name.
        importances: of the profile; passed on to the findings, 0 where a column has none.
        important: the columns that the rule looks at, the score's among them.
        correction: ``bonferroni``, ``holm`` or ``fdr``, over the columns tested in one window.
        drift_p: a column drifted when its corrected p is below this ...
        psi_limit: ... and its PSI above this.
        min_rows: a column with fewer values in the window is not tested.
        number_test: ``ks`` (Kolmogorov-Smirnov) or ``cvm`` (Cramer-von Mises), for numbers and integers.
        boolean_test: ``chi_square`` or ``fet`` (Fisher's exact test).
        seed: of what joint detectors draw.
    """

    columns: Mapping[str, ColumnType]
    importances: Mapping[str, float] = field(default_factory=dict)
    important: Collection[str] = ()
    correction: str = "bonferroni"
    drift_p: float = 0.01
    psi_limit: float = 0.1
    min_rows: int = 30
    number_test: NumberTest = "ks"
    boolean_test: BooleanTest = "chi_square"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (
            ("correction", tuple(CORRECTIONS)),
            ("number_test", typing.get_args(NumberTest)),
            ("boolean_test", typing.get_args(BooleanTest)),
        ):
            if (value := getattr(self, name)) not in known:
                raise InputError(name, value, f"one of {', '.join(known)}", "Choose one of them.")
        if self.min_rows < 2:
            raise InputError("min_rows", self.min_rows, "at least 2 rows", "Ask for more rows.")


def important_columns(importances: Mapping[str, float]) -> frozenset[str]:
    """The columns with at least a fifth of the largest importance; none where nothing mattered."""
    largest = max(importances.values(), default=0.0)
    if largest <= 0:
        return frozenset()
    return frozenset(name for name, value in importances.items() if value >= IMPORTANT_SHARE * largest)
