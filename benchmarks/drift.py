"""The native drift engine against alibi-detect's KSDrift and Evidently's data-drift preset, and in bounded memory.

    python benchmarks/drift.py [--rounds 3] [--rows 1000000] [--evidently PYTHON] [--json FILE]

All times are CPU time of one thread, medians over interleaved rounds. *Test* is the test of every feature, *monitored*
adds what the monitor makes of it: missing values, PSI, Wasserstein and Jensen-Shannon. The data are 32-bit floats,
alibi-detect's own kind, with some drift in every third feature; both engines get them in memory, and alibi-detect a
matrix. The reference is sorted once, as the cache of the monitor keeps it; what that costs is printed.

``--evidently`` names the Python of an environment with Evidently 0.7.23 (``python3 -m venv /tmp/evidently`` and
``/tmp/evidently/bin/pip install evidently==0.7.23 'pandas<3'``); the comparison is not run without it. Exit code 1: a
p-value differs by more than 1e-6, the native engine is not 10 times as fast at a reference of 100,000 rows or 30 times
at 1,000,000, or the largest window takes 2 GB.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from kfp_lifecycle.components.monitoring.engines.alibi import detectors  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.column_drift import column_drift  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.column_values import NumberColumn  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.native import NATIVE  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan  # noqa: E402
from kfp_lifecycle.components.monitoring.engines.reference import NumberReference  # noqa: E402

FOLDER = Path(__file__).parent
# Rows of the reference, of the window, and how many times as fast the native engine has to be.
SIZES = ((100_000, 10_000, 10.0), (1_000_000, 10_000, 30.0))
FEATURES = (10, 100)
DIFFERENCE, SMALLEST_P = 1e-6, 1e-37
MEMORY = 2e9
Matrix = npt.NDArray[np.float32]


def matrices(reference_rows: int, window_rows: int, features: int) -> tuple[Matrix, Matrix]:
    """Normal numbers; the window of every third feature is shifted, of some by little and of some by much."""
    generator = np.random.default_rng(features)
    reference = generator.standard_normal((reference_rows, features), dtype=np.float32)
    window = generator.standard_normal((window_rows, features), dtype=np.float32)
    window[:, ::3] += np.geomspace(0.005, 0.2, len(range(0, features, 3)), dtype=np.float32)
    return reference, window


def sorted_reference(column: npt.NDArray[Any]) -> NumberReference:
    """As the monitor's cache holds it."""
    values = np.sort(column.astype(np.float64))
    return NumberReference(len(values), 0, values, None, float(values.mean()), float(values.std()))


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, and the answer."""
    began = time.process_time()
    answer = work()
    return time.process_time() - began, answer


def compare(reference_rows: int, window_rows: int, features: int, rounds: int) -> dict[str, float]:
    """Milliseconds a feature of all three ways, and the largest relative difference of a p-value."""
    reference, window = matrices(reference_rows, window_rows, features)
    sorting, columns = seconds_of(lambda: [sorted_reference(reference[:, number]) for number in range(features)])
    plan = DriftPlan({})
    detector = detectors().KSDrift(reference)

    def values(number: int) -> npt.NDArray[np.float64]:
        column = window[:, number].astype(np.float64)
        column.sort()
        return column

    def test() -> list[float]:
        return [NATIVE.ks(column, values(number)).p_value for number, column in enumerate(columns)]

    def monitored() -> list[Any]:
        return [
            column_drift("f", "number", column, NumberColumn(window_rows, values(number)), plan, NATIVE)
            for number, column in enumerate(columns)
        ]

    ways = {"alibi-detect": lambda: detector.predict(window)["data"]["p_val"], "test": test, "monitored": monitored}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, Any] = {}
    test()  # imports what it needs of scipy
    for _ in range(rounds):
        for name, work in ways.items():
            seconds, answers[name] = seconds_of(work)
            taken[name].append(seconds * 1e3 / features)
    wanted, found = np.asarray(answers["alibi-detect"], dtype=np.float64), np.asarray(answers["test"])
    # Below that a 32-bit float has fewer digits than are compared.
    close = np.where(wanted < SMALLEST_P, 0.0, np.abs(found - wanted) / np.maximum(wanted, SMALLEST_P))
    figures = {name: statistics.median(times) for name, times in taken.items()}
    return figures | {"sorting": sorting * 1e3 / features, "difference": float(close.max())}


def evidently(python: str, reference_rows: int, window_rows: int, features: int, folder: Path) -> dict[str, Any]:
    """CPU seconds of Evidently's preset on the same data."""
    paths = [folder / "reference.npy", folder / "window.npy"]
    for path, matrix in zip(paths, matrices(reference_rows, window_rows, features), strict=True):
        np.save(path, matrix.astype(np.float64), allow_pickle=False)
    command = [python, str(FOLDER / "drift_evidently.py"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def windows(folder: Path, largest: int) -> list[dict[str, Any]]:
    """Windows of growing length with 100 features, read from Parquet, against a reference of 100,000 rows."""
    script = [sys.executable, "-P", str(FOLDER / "drift_window.py")]
    subprocess.run([*script, "make", str(folder / "reference"), "100000", "100", "0"], check=True)
    answers = []
    for rows in (10_000, 100_000, largest):
        window = folder / f"window-{rows}"
        subprocess.run([*script, "make", str(window), str(rows), "100", str(rows)], check=True)
        command = [*script, "drift", str(folder / "reference"), str(folder / "cache"), str(window)]
        answers.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))
    return answers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the largest window read from Parquet")
    parser.add_argument("--evidently", default="", metavar="PYTHON", help="of an environment with Evidently")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    failed, figures = [], {}
    print("milliseconds of CPU time a feature, one thread")
    print("reference  window features  alibi-detect     test  faster  monitored  faster  p differs  sorting (once)")
    for reference_rows, window_rows, wanted in SIZES:
        for features in FEATURES:
            found = compare(reference_rows, window_rows, features, options.rounds)
            faster = found["alibi-detect"] / found["test"], found["alibi-detect"] / found["monitored"]
            figures[f"{reference_rows}/{window_rows}x{features}"] = found
            print(
                f"{reference_rows:9,} {window_rows:7,} {features:8} {found['alibi-detect']:13.2f} {found['test']:8.3f}"
                f" {faster[0]:6.1f}x {found['monitored']:9.3f} {faster[1]:6.1f}x {found['difference']:10.1e}"
                f" {found['sorting']:15.2f}",
                flush=True,
            )
            if faster[0] < wanted or found["difference"] > DIFFERENCE:
                failed.append(f"{reference_rows:,}/{window_rows:,} x {features}: below {wanted:g}x, or p differs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not options.evidently:
            print("\nEvidently: not run, since --evidently names no Python")
        else:
            print("\nEvidently's data-drift preset on the same data, CPU seconds of the whole report's run")
            for reference_rows, window_rows, features in ((100_000, 10_000, 10), (100_000, 10_000, 100)):
                theirs = evidently(options.evidently, reference_rows, window_rows, features, folder)
                ours = figures[f"{reference_rows}/{window_rows}x{features}"]["monitored"] * features / 1e3
                print(
                    f"{reference_rows:,}/{window_rows:,} x {features}: {theirs['version']} {theirs['run']:.2f} s, and"
                    f" {theirs['import']:.1f} s to import; native {ours:.3f} s: {theirs['run'] / ours:.0f}x",
                    flush=True,
                )
                figures[f"evidently {reference_rows}/{window_rows}x{features}"] = theirs
        print("\nwindows of 100 features (10 of text) read from Parquet, reference of 100,000 rows, native engine")
        for answer in windows(folder, options.rows):
            figures[f"window {answer['rows']}"] = answer
            print(
                f"{answer['rows']:9,} rows: {answer['seconds']:6.2f} s, {answer['memory'] / 1e6:6.0f} MB at most;"
                f" reference {answer['reference_seconds']:.2f} s"
            )
            if answer["memory"] >= MEMORY:
                failed.append(f"a window of {answer['rows']:,} rows took {answer['memory'] / 1e9:.2f} GB")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    print(*(f"missed: {reason}" for reason in failed), sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
