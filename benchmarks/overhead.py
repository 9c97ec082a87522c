"""What a run through the local KFP API costs beside plain ``kfp.local``: pipelines of empty tasks, one after another.

``python benchmarks/overhead.py [--rounds 5] [--tasks 1,12,24]``. Rounds are interleaved, medians are printed. Three
ways: *plain* is ``kfp.local`` in a process that has imported it before, *fresh* a new Python process that imports it,
*API* is the official client from ``create_run_from_pipeline_package`` until it sees SUCCEEDED, asking every 20 ms.
Caching is off. Exit code 1: twelve tasks through the API took more than two seconds over plain.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import kfp
from kfp import compiler, dsl

IMAGE = "ghcr.io/kfp-lifecycle/kfp-lifecycle-python-train:0"
ALLOWED_SECONDS = 2.0
JUDGED_TASKS = 12
_PLAIN = """
import sys, time
import kfp
from kfp import components, local
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[1])
for line in sys.stdin:
    pipeline = components.load_component_from_file(line.strip())
    began = time.monotonic()
    pipeline()
    print("took", time.monotonic() - began, flush=True)
"""


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def nothing():  # type: ignore[no-untyped-def]
    pass


def compiled(tasks: int, folder: Path) -> Path:
    """A pipeline of so many tasks, each after the one before."""

    @dsl.pipeline(name=f"empty-{tasks}")
    def empty():  # type: ignore[no-untyped-def]
        before = None
        for _ in range(tasks):
            task = nothing()
            if before is not None:
                task.after(before)
            before = task

    path = folder / f"empty-{tasks}.yaml"
    compiler.Compiler().compile(empty, str(path))
    return path


@contextmanager
def plain(folder: Path) -> Iterator[Callable[[Path], float]]:
    """Seconds of a run by kfp.local in one process."""
    command = [sys.executable, "-c", _PLAIN, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        lines = iter(process.stdout)

        def run(path: Path) -> float:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            return next(float(line.split()[1]) for line in lines if line.startswith("took "))

        try:
            yield run
        finally:
            process.stdin.close()


def fresh(path: Path, folder: Path) -> float:
    """Seconds of a run by kfp.local in a new process, its start and imports included."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", _PLAIN, str(folder)], input=f"{path}\n", text=True, capture_output=True, check=True
    )
    return time.monotonic() - began


@contextmanager
def api(state: Path) -> Iterator[Callable[[Path], float]]:
    """Seconds of a run through the local KFP API."""
    command = [sys.executable, "-P", "-m", "kfp_lifecycle.local.kfp_api", "--state", str(state)]
    said, log = state / "benchmark.out", state / "benchmark.log"
    # Files: a pipe that nobody empties holds up who writes into it.
    with said.open("wb") as output, log.open("wb") as errors:
        server = subprocess.Popen(command, stdout=output, stderr=errors)
    with server:
        while server.poll() is None and b"\n" not in said.read_bytes():
            time.sleep(0.02)
        if server.poll() is not None:
            raise RuntimeError(f"the KFP API ended at its start:\n{log.read_text()}")
        client = kfp.Client(said.read_text().strip(), verify_ssl=False)

        def run(path: Path) -> float:
            began = time.monotonic()
            made = client.create_run_from_pipeline_package(str(path), enable_caching=False)
            while (state := client.get_run(made.run_id).state) != "SUCCEEDED":
                if state in ("FAILED", "CANCELED"):
                    raise RuntimeError(f"run {made.run_id} is {state}")
                time.sleep(0.02)
            return time.monotonic() - began

        try:
            yield run
        finally:
            server.terminate()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tasks", default="1,12,24", help="numbers of tasks, by commas")
    options = parser.parse_args()
    sizes = [int(text) for text in options.tasks.split(",")]
    if JUDGED_TASKS not in sizes:
        parser.error(f"--tasks {options.tasks} has no {JUDGED_TASKS}, by which the result is judged")
    warnings.simplefilter("ignore")
    worst: float | None = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "state").mkdir()
        with plain(folder / "plain") as by_plain, api(folder / "state") as by_api:
            print(f"{'tasks':>5} {'plain s':>8} {'fresh s':>8} {'API s':>8} {'API - plain':>12} {'of it a task':>13}")
            first: float | None = None
            for size in sizes:
                path = compiled(size, folder)
                rows = [(by_plain(path), fresh(path, folder / "fresh"), by_api(path)) for _ in range(options.rounds)]
                alone, new, through = (statistics.median(column) for column in zip(*rows, strict=True))
                over = through - alone
                first = over if first is None else first
                a_task = f"{1000 * (over - first) / (size - sizes[0]):.0f} ms" if size != sizes[0] else "-"
                print(f"{size:>5} {alone:>8.2f} {new:>8.2f} {through:>8.2f} {over:>12.2f} {a_task:>13}", flush=True)
                if size == JUDGED_TASKS:
                    worst = over
    if worst is None:
        raise RuntimeError(f"{JUDGED_TASKS} tasks were not measured")
    print(f"{JUDGED_TASKS} tasks: {worst:.2f} s over plain, allowed {ALLOWED_SECONDS:.1f} s")
    return 0 if worst <= ALLOWED_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
