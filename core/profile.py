"""The profile of a model: what monitoring and gates need of its training rows, without the table.

It lies in ``profile/`` of a model directory and is sealed with it::

    profile.json        sketches, importances, out-of-sample performance
    sample.parquet      at most 5,000 rows of inputs and label
    training_rows.npy   hashes of the rows that the model was trained on, sorted, eight bytes a row
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.sketches import Sketch, sketch_from_json, sketch_to_json

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

FOLDER = "profile"
# To change the format: raise this number, keep a reader of the old one in ``load_profile`` and a test of both.
FORMAT = 1
SAMPLED_ROWS = 5_000
TRAINING_ROWS = "training_rows.npy"
_PROFILE, _SAMPLE = "profile.json", "sample.parquet"


class ProfileError(ValueError):
    """A profile is missing, or is not what this version reads."""


@dataclass(frozen=True)
class CalibrationWindow:
    """How a model of the same making did on one window that it had not seen.

    Attributes:
        start: first instant, UTC.
        end: first instant after it.
        rows: rows predicted.
        trained_rows: rows that it was trained on, all before ``start``.
        metrics: by name, finite; those the window does not define are absent.
    """

    start: str
    end: str
    rows: int
    trained_rows: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Performance:
    """Out-of-sample performance over the last calibration windows, oldest first; empty with the reason in ``note``."""

    windows: tuple[CalibrationWindow, ...] = ()
    # The sketch of the score on all windows: the positive class's probability of two, the largest of more classes, or
    # the predicted value.
    scores: Sketch | None = None
    note: str = ""


@dataclass(frozen=True)
class Importances:
    """How much each input matters, largest first; ``method`` says what was measured."""

    method: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Profile:
    """See the module.

    Attributes:
        rows: training rows.
        table_digest: of the training table.
        columns: a sketch per input of the model.
        label: the label's sketch; categories for a classification.
        importances: per input.
        performance: out-of-sample.
        hashed_columns: the columns over which ``training_rows`` were hashed (``core.table.row_hashes``).
        time_column: the event time; empty where none was named.
        window: the earliest and latest event time; empty without a time column.
    """

    rows: int
    table_digest: str
    columns: Mapping[str, Sketch]
    label: Sketch
    importances: Importances
    performance: Performance
    hashed_columns: tuple[str, ...]
    time_column: str = ""
    window: tuple[str, str] | tuple[()] = field(default=())


def _to_json(profile: Profile) -> dict[str, Any]:
    performance = profile.performance
    return {
        "format": FORMAT,
        "rows": profile.rows,
        "table_digest": profile.table_digest,
        "columns": {name: sketch_to_json(sketch) for name, sketch in profile.columns.items()},
        "label": sketch_to_json(profile.label),
        "importances": {"method": profile.importances.method, "values": dict(profile.importances.values)},
        "performance": {
            "windows": [{**vars(window), "metrics": dict(window.metrics)} for window in performance.windows],
            "scores": None if performance.scores is None else sketch_to_json(performance.scores),
            "note": performance.note,
        },
        "hashed_columns": list(profile.hashed_columns),
        "time_column": profile.time_column,
        "window": list(profile.window),
    }


def _from_json(content: Mapping[str, Any]) -> Profile:
    performance = content["performance"]
    scores = performance["scores"]
    return Profile(
        rows=int(content["rows"]),
        table_digest=content["table_digest"],
        columns={name: sketch_from_json(sketch) for name, sketch in content["columns"].items()},
        label=sketch_from_json(content["label"]),
        importances=Importances(content["importances"]["method"], content["importances"]["values"]),
        performance=Performance(
            windows=tuple(CalibrationWindow(**window) for window in performance["windows"]),
            scores=None if scores is None else sketch_from_json(scores),
            note=performance["note"],
        ),
        hashed_columns=tuple(content["hashed_columns"]),
        time_column=content["time_column"],
        window=tuple(content["window"]),
    )


def save_profile(
    profile: Profile, directory: str | Path, sample: pd.DataFrame, row_hashes: npt.NDArray[np.uint64]
) -> None:
    """Write ``profile/`` into a model directory.

    Args:
        profile: what goes into ``profile.json``.
        directory: the model directory.
        sample: rows of inputs and label; the first 5,000 are kept, so draw them before.
        row_hashes: of every training row over ``profile.hashed_columns``; equal rows are kept once.
    """
    root = Path(directory) / FOLDER
    root.mkdir(parents=True, exist_ok=True)
    content = json.dumps(_to_json(profile), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    (root / _PROFILE).write_text(content + "\n", encoding="utf-8")
    sample.head(SAMPLED_ROWS).to_parquet(root / _SAMPLE, index=False)
    np.save(root / TRAINING_ROWS, np.unique(row_hashes.astype(np.uint64)), allow_pickle=False)


def load_profile(directory: str | Path) -> Profile:
    """Read ``profile.json`` of a model directory; checksums are looked at by ``core.model.load_model``.

    Raises:
        ProfileError: no profile, or none that this version reads.
    """
    path = Path(directory) / FOLDER / _PROFILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        name = Path(directory).name
        raise ProfileError(f"{FOLDER}/{_PROFILE} is missing from the model directory {name!r}") from None
    except ValueError as error:
        raise ProfileError(f"{_PROFILE} is not JSON: {error}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise ProfileError(f"{_PROFILE} has format {found!r}: this version reads format {FORMAT}")
    try:
        return _from_json(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ProfileError(f"{_PROFILE} is damaged: {error!r}") from error


def load_sample(directory: str | Path) -> pd.DataFrame:
    """The sampled training rows: inputs and label."""
    import pandas as pd

    return pd.read_parquet(Path(directory) / FOLDER / _SAMPLE)
