"""What the model answered, and which of it a request wants."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LABELS = "predict"
PROBABILITIES = "predict_proba"


class Output(StrEnum):
    """The choices of ``--output``."""

    LABELS = "labels"
    PROBABILITIES = "probabilities"
    BOTH = "both"

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the output tensors, in the order in which an answer holds them."""
        return {
            Output.LABELS: (LABELS,),
            Output.PROBABILITIES: (PROBABILITIES,),
            Output.BOTH: (LABELS, PROBABILITIES),
        }[self]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers to ``count`` rows; a part that was not asked for is None.

    Attributes:
        labels: one class, or for a regression one number, per row.
        probabilities: one row per row and one column per class.
        classes: the classes in the order of the probabilities' columns; None for a regression.
    """

    count: int
    labels: np.ndarray[Any, Any] | None
    probabilities: np.ndarray[Any, Any] | None
    classes: list[Any] | None

    def label_values(self) -> list[Any]:
        """The labels as values that JSON knows."""
        if self.labels is None:
            raise AssertionError("labels were not asked for")
        values: list[Any] = self.labels.tolist()
        return values

    def slice(self, start: int, stop: int, parts: tuple[str, ...]) -> Predictions:
        """The answers to the rows from ``start`` up to ``stop``, with only the named parts."""
        labels = self.labels if LABELS in parts else None
        probabilities = self.probabilities if PROBABILITIES in parts else None
        return Predictions(
            stop - start,
            None if labels is None else labels[start:stop],
            None if probabilities is None else probabilities[start:stop],
            self.classes,
        )
