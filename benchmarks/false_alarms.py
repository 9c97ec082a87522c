"""How often each detector finds drift where there is none, at a nominal 5 %.

    python benchmarks/false_alarms.py [--windows 400] [--json FILE]

Every window has a reference of its own, so that windows are independent and the binomial bounds hold: ten numbers with
correlation 0.3, three columns of categories and three of booleans; seeds are fixed. A detector of one column is asked
about one column; one of many counts a window with any column below 5 % after the correction. A sketch reference is
a profile of 5,000 rows. Exit code 1: a rate is not within three standard errors of 5 %; the native engine's sketch mode
may lie below, since its p is that of the smallest distance which the sketch leaves possible. MMD and LSDD are run
where torch is installed.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import importlib.util  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402

from kfp_lifecycle.components.monitoring.engines.drift import drift_of, window_sketches  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.engine import engine_named  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.joint import joint_of  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.reference import (  # noqa: E402
    NumberReference,
    Reference,
    profile_reference,
)
from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows  # noqa: E402
from kfp_lifecycle.core.signature import ColumnType  # noqa: E402
from kfp_lifecycle.core.window import Window  # noqa: E402

LEVEL = 0.05
WINDOW = Window(datetime(2013, 3, 4, tzinfo=UTC), datetime(2013, 3, 11, tzinfo=UTC))
REFERENCE_ROWS, WINDOW_ROWS = 5000, 500
JOINT_ROWS, KERNEL_ROWS = 2000, 400
NUMBERS = [f"n{number}" for number in range(10)]
TYPES: dict[str, ColumnType] = {
    **dict.fromkeys(NUMBERS, "number"),
    **dict.fromkeys(("c0", "c1", "c2"), "category"),
    **dict.fromkeys(("b0", "b1", "b2"), "boolean"),
}


def rows_of(generator: np.random.Generator, count: int) -> WindowRows:
    """Rows of one distribution."""
    common = generator.normal(size=(count, 1))
    numbers = math.sqrt(0.3) * common + math.sqrt(0.7) * generator.normal(size=(count, len(NUMBERS)))
    columns: dict[str, Any] = {name: numbers[:, index] for index, name in enumerate(NUMBERS)}
    for index in range(3):
        columns[f"c{index}"] = generator.choice(list("abcde"), count, p=[0.4, 0.3, 0.2, 0.07, 0.03])
        columns[f"b{index}"] = generator.random(count) < 0.3
    table = pa.table(columns)

    def read(names: Sequence[str]) -> list[pa.RecordBatch]:
        batches: list[pa.RecordBatch] = table.select(list(names)).to_batches()
        return batches

    return WindowRows(WINDOW, count, table.schema, read)


def references(rows: WindowRows) -> dict[str, Reference]:
    """The same rows as a whole table and as a profile."""
    sketches = window_sketches(rows, TYPES)
    profile = profile_reference(sketches, rows.rows)
    (table,) = (pa.Table.from_batches(rows.read(NUMBERS)),)

    def every_value(name: str) -> Callable[[], NumberReference]:
        values = np.sort(table[name].to_numpy())
        return lambda: NumberReference(len(values), 0, values, None, float(values.mean()), float(values.std()))

    # Categories and booleans are counted without error in a profile too.
    whole = {**profile.columns, **{name: every_value(name) for name in NUMBERS}}
    return {"table": Reference("table", rows.rows, whole), "profile": profile}


# Name, engine, reference, columns, and the plan's settings.
ONE, MANY = NUMBERS[:1], NUMBERS
DETECTORS: tuple[tuple[str, str, str, Sequence[str], dict[str, Any]], ...] = tuple(
    (f"{engine}, {reference}: {name}", engine, reference, columns, settings)
    for engine in ("native", "alibi-detect")
    for reference, name, columns, settings in (
        ("table", "KS, one column", ONE, {}),
        ("profile", "KS, one column", ONE, {}),
        ("table", "CVM, one column", ONE, {"number_test": "cvm"}),
        ("table", "chi-square, one column", ["c0"], {}),
        ("table", "chi-square, one boolean", ["b0"], {}),
        ("table", "FET, one boolean", ["b0"], {"boolean_test": "fet"}),
        ("table", "KS of ten, Bonferroni", MANY, {}),
        ("table", "KS of ten, Holm", MANY, {"correction": "holm"}),
        ("table", "KS of ten, FDR", MANY, {"correction": "fdr"}),
        ("profile", "KS of ten, Bonferroni", MANY, {}),
        ("table", "all sixteen, Bonferroni (TabularDrift)", list(TYPES), {}),
    )
)


def alarms_of(seed: int, joints: Sequence[str]) -> dict[str, bool]:
    """What every detector says of one window without drift."""
    generator = np.random.default_rng([20_130_304, seed])
    base, window = rows_of(generator, REFERENCE_ROWS), rows_of(generator, WINDOW_ROWS)
    known = references(base)
    said = {}
    for name, engine, reference, columns, settings in DETECTORS:
        plan = DriftPlan({column: TYPES[column] for column in columns}, **settings)
        found = drift_of(window, known[reference], plan, engine_named(engine)).columns
        said[name] = any(column.adjusted_p is not None and column.adjusted_p < LEVEL for column in found)
    for joint in joints:
        count = JOINT_ROWS if joint == "classifier" else KERNEL_ROWS
        sample = pa.Table.from_batches(rows_of(generator, count).read(list(TYPES))).to_pandas()
        found_joint = joint_of(window, sample, DriftPlan(TYPES, drift_p=LEVEL, seed=seed), joint)
        said[f"alibi-detect, sample: {found_joint.detector}"] = found_joint.drifted
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=400)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    joints = ["classifier", *(("mmd", "lsdd") if importlib.util.find_spec("torch") else ())]
    said = [alarms_of(seed, joints) for seed in range(options.windows)]
    bound = 3 * math.sqrt(LEVEL * (1 - LEVEL) / options.windows)
    low, high = LEVEL - bound, LEVEL + bound
    print(
        f"\n{options.windows} windows of {WINDOW_ROWS} rows without drift, references of {REFERENCE_ROWS};"
        f" three standard errors around {LEVEL:.0%}: {low:.2%} to {high:.2%}"
    )
    rates = {name: sum(each[name] for each in said) / len(said) for name in said[0]}
    failed = []
    for name, rate in rates.items():
        fine = rate <= high and (rate >= low or name.startswith("native, profile"))
        print(f"{rate:7.2%}  {name}{'' if fine else '  <- outside'}")
        failed += [] if fine else [name]
    if len(joints) == 1:
        print("not run: MMDDrift and LSDDDrift, since torch is not installed")
    if options.json:
        options.json.write_text(json.dumps({"windows": options.windows, "rates": rates}, indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
