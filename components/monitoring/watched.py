"""A model as it is watched: what it takes and answers, and what it was trained on, but not the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.logged_rows import SCORE
from kfp_lifecycle.core.profile import Profile, load_profile
from kfp_lifecycle.core.signature import Column, ColumnType, Signature, load_signature
from kfp_lifecycle.core.sketches import Sketch


@dataclass(frozen=True)
class Watched:
    """See the module.

    Attributes:
        directory: its signature and profile.
        version: the MLflow version.
        digest: of the model directory.
        inputs: what is looked at of what the model takes.
    """

    directory: Path
    version: str
    digest: str
    signature: Signature
    profile: Profile
    inputs: tuple[Column, ...]

    @property
    def sketches(self) -> dict[str, Sketch]:
        """Of every input, and of the score where the profile has it."""
        scores = self.profile.performance.scores
        return {**self.profile.columns, **({SCORE: scores} if scores is not None else {})}

    @property
    def columns(self) -> dict[str, ColumnType]:
        """What can be tested, by name and type: the inputs, and the score as a number."""
        columns: dict[str, ColumnType] = {column.name: column.type for column in self.inputs}
        return columns if self.profile.performance.scores is None else {**columns, SCORE: "number"}


def read_watched(directory: Path, version: str, digest: str, exclude: Sequence[str]) -> Watched:
    """What lies in a folder that holds ``model.json`` and ``profile/``.

    Raises:
        InputError: a column to be excluded is none of the model's.
    """
    signature = load_signature(directory)
    for name in exclude:
        if name not in signature.names:
            raise unknown_column("exclude", name, signature.names, "the model")
    inputs = tuple(column for column in signature.columns if column.name not in exclude)
    return Watched(directory, version, digest, signature, load_profile(directory), inputs)
