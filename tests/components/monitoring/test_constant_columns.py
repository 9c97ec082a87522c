"""When is a column that holds one value a fault of the data?"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from kfp_lifecycle.components.monitoring.column_tally import ColumnTally
from kfp_lifecycle.components.monitoring.findings import Fault
from kfp_lifecycle.components.monitoring.quality import column_faults
from kfp_lifecycle.components.monitoring.rules import Rules
from kfp_lifecycle.core.signature import Column
from kfp_lifecycle.core.sketches import sketch_numbers
from kfp_lifecycle.core.window import Window

WEEK = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))


def faults(training: list[float], value: float, rows: int) -> list[Fault]:
    tally = ColumnTally(Column("rain", "number", False))
    tally.add(pa.array(np.full(rows, value)))
    return column_faults(tally, sketch_numbers(np.array(training)), Rules(), WEEK)


@pytest.mark.parametrize("usual, blocking", [(0.9, False), (0.6, False), (0.4, True), (0.0, True)])
def test_a_value_that_most_training_rows_had_may_last_for_a_window(usual: float, blocking: bool) -> None:
    dry = int(1000 * usual)
    (found,) = faults([0.0] * dry + list(np.linspace(0.1, 9, 1000 - dry)), 0.0, 5000)
    assert (found.kind, found.column, found.blocking) == ("constant", "rain", blocking)


@pytest.mark.parametrize("rows", [1, 100])
def test_so_few_rows_that_chance_explains_it_are_no_fault(rows: int) -> None:
    assert faults([0.0] * 900 + list(np.linspace(0.1, 9, 100)), 0.0, rows) == []


def test_what_was_constant_in_training_is_no_fault() -> None:
    assert faults([4.0] * 500, 4.0, 5000) == []
