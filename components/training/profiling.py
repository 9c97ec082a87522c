"""The profile of a freshly fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.components.training.importances import permutation_importances
from kfp_lifecycle.core.profile import SAMPLED_ROWS, Performance, Profile
from kfp_lifecycle.core.sketches import Sketch, sketch_categories, sketch_numbers
from kfp_lifecycle.core.table import TableInfo
from kfp_lifecycle.core.window import format_time

if TYPE_CHECKING:
    import pandas as pd

    from kfp_lifecycle.components.training.rows import TrainingRows


def _sketch(values: pd.Series) -> Sketch:
    array = values.to_numpy()
    return sketch_categories(array) if array.dtype == object else sketch_numbers(array)


def profile_of(
    fitted: Any, rows: TrainingRows, info: TableInfo, performance: Performance, time_column: str, seed: int
) -> Profile:
    """What ``core.profile`` keeps of a training.

    Args:
        fitted: the model.
        rows: what it was fitted on.
        info: the table's description.
        performance: out-of-sample, measured before the model was fitted.
        time_column: the event time's column; empty where none was named.
        seed: for the importances.
    """
    signature, times = rows.signature, rows.times
    values = rows.target.values
    return Profile(
        rows=len(rows.frame),
        table_digest=info.digest,
        columns={name: _sketch(rows.inputs[name]) for name in signature.names},
        label=sketch_numbers(values) if signature.classes is None else sketch_categories(values),
        importances=permutation_importances(fitted, rows.inputs, rows.truth, signature, seed),
        performance=performance,
        # All columns: an identifier or a time tells rows apart that are alike in the model's inputs.
        hashed_columns=tuple(sorted(rows.frame.columns)),
        time_column=time_column,
        window=() if times is None else (format_time(times.min()), format_time(times.max())),
    )


def sample_of(rows: TrainingRows, seed: int) -> pd.DataFrame:
    """At most 5,000 rows of inputs and label, drawn without replacement, in the table's order."""
    chosen = np.arange(len(rows.frame))
    if len(chosen) > SAMPLED_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, SAMPLED_ROWS, replace=False))
    label = rows.signature.label
    return rows.inputs.iloc[chosen].assign(**{label: rows.frame[label].iloc[chosen]}).reset_index(drop=True)
