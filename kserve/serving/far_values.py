"""Values so far from the training's that a model may have no answer to them.

A finite number can pass every check and still overflow inside a model, as in the exponential function of a Poisson
regression. Such a request is the client's to repair. A failure on values like those of the training is the model's:
it stays a server error, so that whoever watches a release sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from kfp_lifecycle.core.profile import ProfileError, load_profile
from kfp_lifecycle.core.sketches import NumberSketch
from kfp_lifecycle.serving.refusal import shown
from kfp_lifecycle.serving.rows import Rows

Ranges = Mapping[str, tuple[float, float]]


def training_ranges(directory: Path) -> Ranges:
    """The smallest and largest value of each number column in training; empty for a model without a profile."""
    try:
        sketches = load_profile(directory).columns
    except ProfileError:
        return {}
    return {
        name: (sketch.quantiles[0], sketch.quantiles[-1])
        for name, sketch in sketches.items()
        if isinstance(sketch, NumberSketch) and sketch.quantiles
    }


def far_value(rows: Rows, names: Sequence[str], ranges: Ranges) -> str | None:
    """Where the rows hold a number further outside the training's range than that range is wide, in words."""
    for name, values in zip(names, rows.columns, strict=True):
        if name not in ranges:
            continue
        low, high = ranges[name]
        width = high - low
        for row, value in enumerate(values):
            if isinstance(value, int | float) and not low - width <= value <= high + width:
                return (
                    f"column {name!r}, row {row}: {shown(value)} is far from the training's values,"
                    f" {low:g} to {high:g}, and the model has no answer to it"
                )
    return None
