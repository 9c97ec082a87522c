"""A model as it is watched: what it takes and answers, and what it was trained on, but not the model itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kfp_lifecycle.core.logged_rows import SCORE
from kfp_lifecycle.core.profile import Profile
from kfp_lifecycle.core.signature import ColumnType, Signature
from kfp_lifecycle.core.sketches import Sketch


@dataclass(frozen=True)
class Watched:
    """See the module.

    Attributes:
        directory: its signature and profile.
        version: the MLflow version.
        digest: of the model directory.
    """

    directory: Path
    version: str
    digest: str
    signature: Signature
    profile: Profile

    @property
    def sketches(self) -> dict[str, Sketch]:
        """Of every input, and of the score where the profile has it."""
        scores = self.profile.performance.scores
        return {**self.profile.columns, **({SCORE: scores} if scores is not None else {})}

    @property
    def columns(self) -> dict[str, ColumnType]:
        """What can be tested, by name and type: the inputs, and the score as a number."""
        columns: dict[str, ColumnType] = {column.name: column.type for column in self.signature.columns}
        return columns if self.profile.performance.scores is None else {**columns, SCORE: "number"}
