"""The hashes of the rows that a model was trained on, by which a later holdout leaves those rows out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.core.profile import FOLDER, TRAINING_ROWS, ProfileError

if TYPE_CHECKING:
    import numpy.typing as npt


def training_rows(directory: str | Path) -> npt.NDArray[np.uint64]:
    """The sorted hashes of the training rows.

    Raises:
        ProfileError: the file is no sorted array of 64-bit hashes.
    """
    path = Path(directory) / FOLDER / TRAINING_ROWS
    try:
        hashes = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ProfileError(f"{TRAINING_ROWS} cannot be read: {error}") from error
    if hashes.dtype != np.uint64 or hashes.ndim != 1 or not np.all(hashes[1:] > hashes[:-1]):
        raise ProfileError(f"{TRAINING_ROWS} is damaged: expected distinct sorted 64-bit hashes")
    return np.asarray(hashes)


def seen_in_training(directory: str | Path, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which of the rows (hashed over the profile's ``hashed_columns``) the model was trained on."""
    known = training_rows(directory)
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[places] == hashes)
