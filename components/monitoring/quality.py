"""Are the rows whole? What is broken is a fault of the data, whatever a test of drift would make of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kfp_lifecycle.components.monitoring.column_tally import ColumnTally
from kfp_lifecycle.components.monitoring.engines.column_values import misfit
from kfp_lifecycle.components.monitoring.findings import Fault
from kfp_lifecycle.components.monitoring.rules import Rules
from kfp_lifecycle.components.monitoring.served_rows import ServedWindow
from kfp_lifecycle.core.sketches import CategorySketch, NumberSketch, Sketch

if TYPE_CHECKING:
    import pyarrow as pa

    from kfp_lifecycle.core.signature import Column
    from kfp_lifecycle.core.window import Window

# One-sided, of a share that did not rise; far out, as a fault stops everything.
_SURELY = 4.0
# A column that varied is told of when it would be one value in all rows this rarely, were rows independent.
_CHANCE_CONSTANT = 1e-6
# A value that most training rows had may last for a whole window, as rows come in spells: a dry week has no rain.
_USUAL = 0.5
_NAMED = 3
_AT_A_TIME = 16


def schema_faults(inputs: Sequence[Column], schema: pa.Schema) -> list[Fault]:
    """Columns that are absent, by name, or of a type that is none of the model's."""
    faults = []
    for column in inputs:
        if column.name not in schema.names:
            faults.append(Fault("missing_column", column.name, "the rows lack this column, which the model takes"))
        elif reason := misfit(column.type, schema.field(column.name).type):
            faults.append(Fault("wrong_type", column.name, reason))
    return faults


def row_faults(
    window: ServedWindow, inputs: Sequence[Column], reference: Mapping[str, Sketch], rules: Rules
) -> list[Fault]:
    """Faults of all rows of a window, refused ones too, in the columns that are there and of the right type.

    A window with fewer rows than ``min_rows`` is not looked at. A few columns are in memory at a time.
    """
    if window.rows < rules.min_rows:
        return []
    columns = [
        column
        for column in inputs
        if column.name in window.schema.names and not misfit(column.type, window.schema.field(column.name).type)
    ]
    faults: list[Fault] = []
    for first in range(0, len(columns), _AT_A_TIME):
        some = columns[first : first + _AT_A_TIME]
        for tally in _tallies(window, some):
            faults += column_faults(tally, reference.get(tally.column.name), rules, window.window)
    return faults


def _tallies(window: ServedWindow, columns: list[Column]) -> Iterable[ColumnTally]:
    tallies = [ColumnTally(column) for column in columns]
    for batch in window.read([column.name for column in columns]):
        for tally, values in zip(tallies, batch.columns, strict=True):
            tally.add(values)
    return tallies


def column_faults(tally: ColumnTally, reference: Sketch | None, rules: Rules, window: Window) -> list[Fault]:
    """What is wrong with one column of one window, against the training rows' sketch of it."""
    found = [_bad_values(tally, rules)]
    if reference is not None and reference.rows:
        found += [_missing(tally, reference, rules), _constant(tally, reference), _unseen(tally, reference, rules)]
    return [Fault(kind, tally.column.name, f"{reason} in {window}", blocking, window)
            for kind, reason, blocking in filter(None, found)]  # fmt: skip


_Found = tuple[str, str, bool] | None


def _bad_values(tally: ColumnTally, rules: Rules) -> _Found:
    bad = tally.infinite + tally.foreign
    if not bad:
        return None
    share = bad / tally.rows
    kind = {"integer": "no whole numbers", "boolean": "neither 0 nor 1"}.get(tally.column.type, "not finite")
    return "bad_values", f"{bad} values ({share:.1%}) are {kind}", share > rules.max_missing_rise


def _missing(tally: ColumnTally, reference: Sketch, rules: Rules) -> _Found:
    now, before = tally.missing / tally.rows, reference.missing / reference.rows
    if not _surely_above(now, tally.rows, before, reference.rows):
        return None
    blocking = now - before > rules.max_missing_rise
    return "missing_values", f"{now:.1%} have no value, in training {before:.1%}", blocking


def _surely_above(now: float, rows: int, before: float, rows_before: int) -> bool:
    pooled = (now * rows + before * rows_before) / (rows + rows_before)
    error = math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / rows_before))
    return now > before and (error == 0 or (now - before) / error > _SURELY)


def _constant(tally: ColumnTally, reference: Sketch) -> _Found:
    present = tally.rows - tally.missing
    if not present or not tally.constant:
        return None
    share = _share_of(reference, tally.only)
    # In training it was constant too, or rare values simply did not come up in so few rows.
    if share >= 1 or present * math.log(max(share, 1e-12)) > math.log(_CHANCE_CONSTANT):
        return None
    reason = f"all {present} values are {tally.only!r}, which {share:.1%} of the training rows had"
    return "constant", reason, share < _USUAL


def _share_of(reference: Sketch, value: object) -> float:
    present = reference.rows - reference.missing
    if not present:
        return 1.0
    if isinstance(reference, CategorySketch):
        return reference.counts.get(str(value), 0) / present
    # Quantiles stand for at most a thousandth of the rows each: a value among them may stand once more than it is seen.
    held = reference.quantiles.count(float(value)) if isinstance(value, int | float) else 0
    return min(1.0, (held + 1) / len(reference.quantiles))


def _unseen(tally: ColumnTally, reference: Sketch, rules: Rules) -> _Found:
    if isinstance(reference, NumberSketch) or not (present := tally.rows - tally.missing):
        return None
    unknown = {name: count for name, count in tally.categories.items() if name not in reference.counts}
    now, before = sum(unknown.values()) / present, reference.other / max(1, reference.rows - reference.missing)
    if not unknown or (reference.other and not _surely_above(now, present, before, reference.rows)):
        return None
    largest = sorted(unknown, key=lambda name: (-unknown[name], name))[:_NAMED]
    shown = ", ".join(repr(name[:40]) for name in largest)
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    told = f"{now:.1%} are of {len(unknown)} categories that training did not see ({shown}{more})"
    return "unseen_categories", told, now - before > rules.max_unseen
