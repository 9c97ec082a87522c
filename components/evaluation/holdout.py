"""The rows on which models are compared: those of the holdout that none of them was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.answers import Answers, answers_of, truth_of
from kfp_lifecycle.core.checksums import CHECKSUMS, sha256_file
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.model import load_model, load_signature
from kfp_lifecycle.core.profile import Profile, load_profile
from kfp_lifecycle.core.rows import row_hashes
from kfp_lifecycle.core.training_rows import seen_in_training

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from kfp_lifecycle.core.signature import Signature


@dataclass(frozen=True)
class JudgedModel:
    """A loaded model with what is needed to judge it.

    Attributes:
        directory: its files.
        digest: of the directory.
        estimator: the fitted pipeline.
        signature: its inputs and answer.
        profile: of its training.
    """

    directory: Path
    digest: str
    estimator: Any
    signature: Signature
    profile: Profile

    def answer(self, frame: pd.DataFrame) -> Answers:
        """Its answers to rows of a table that hold the label."""
        truth = truth_of(frame[self.signature.label], self.signature)
        return answers_of(self.estimator, model_inputs(frame, self.signature), truth, self.signature)

    def seen(self, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Which rows it was trained on."""
        return seen_in_training(self.directory, row_hashes(frame, list(self.profile.hashed_columns)))

    def unknown_columns(self, frame: pd.DataFrame) -> list[str]:
        """Columns that tell its training rows apart, but are not in this table."""
        return [name for name in self.profile.hashed_columns if name not in frame.columns]


def load_judged(directory: str | Path, digest: str = "") -> JudgedModel:
    """Verify and load a model directory.

    Raises:
        ChecksumError, ModelFileError, UntrustedTypeError, ForgedTreeError, ProfileError: it is not what was sealed.
    """
    root = Path(directory)
    estimator = load_model(root, digest)
    return JudgedModel(root, sha256_file(root / CHECKSUMS), estimator, load_signature(root), load_profile(root))
