"""Stands before a step's command: keeps its whole output in a file and tells the runner what happens.

Run as a script with the standard library only: ``runner_watcher.py COMMAND...``. What it tells travels through
``kfp.local``'s output, one line of JSON after a mark. The run's folder comes by the environment, because the command
is part of the key under which ``kfp.local`` caches.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

MARK = "\x1e"
RUN = "KFP_LIFECYCLE_LOCAL_RUN"
STOPPED = "stopped"
_EXECUTOR = "[KFP Executor"
_STEP = "ephemeral_component.py"
_TRACEBACK = "Traceback (most recent call last):"
_LONGEST_TRACEBACK = 200


def main() -> int:
    directory, command = Path(os.environ[RUN]), sys.argv[1:]
    if (directory / STOPPED).exists():
        return 128 + signal.SIGTERM
    # The step is asked to end, too; what it says and how it ends is still to be told. A handler, unlike SIG_IGN, does
    # not pass on to the step.
    signal.signal(signal.SIGTERM, lambda *_: None)
    given = json.loads(command[command.index("--executor_input") + 1])
    file = Path(given["outputs"]["outputFile"])
    task = file.parent.name
    began = time.monotonic()
    with _new_log(directory / "logs", task) as kept:
        where = {"task": task, "directory": str(file.parent), "log": kept.name}
        tell(event="started", **where, inputs=_values(given.get("inputs", {})))
        code, lines = _run(command, task, kept)
    made = json.loads(file.read_text(encoding="utf-8")) if code == 0 and file.exists() else {}
    # The step writes its artifacts down without their types.
    types = {name: one["artifacts"][0]["type"] for name, one in given["outputs"].get("artifacts", {}).items()}
    outputs = _values(made, types)
    tell(
        event="ended",
        **where,
        code=code,
        seconds=round(time.monotonic() - began, 3),
        outputs=outputs["parameters"],
        artifacts=outputs["artifacts"],
        error="" if code == 0 else _error(lines, code),
    )
    return code if code >= 0 else 128 - code


def _values(part: dict[str, Any], types: dict[str, Any] | None = None) -> dict[str, Any]:
    """Parameters and artifacts as they are kept and shown, from the inputs or outputs that KFP's executor reads."""
    return {
        "parameters": part.get("parameterValues", {}),
        "artifacts": {
            name: [
                {
                    "uri": one.get("uri", ""),
                    "type": (one.get("type") or (types or {}).get(name, {})).get("schemaTitle", ""),
                    "metadata": one.get("metadata", {}),
                }
                for one in found.get("artifacts", [])
            ]
            for name, found in part.get("artifacts", {}).items()
        },
    }


def _new_log(logs: Path, task: str) -> TextIO:
    # The iterations of a loop share a task's name, and two of them run at once.
    for number in itertools.count(1):
        name = f"{task}.log" if number == 1 else f"{task}.{number}.log"
        with contextlib.suppress(FileExistsError):
            return (logs / name).open("x", encoding="utf-8")
    raise AssertionError("count has no end")


def _run(command: list[str], task: str, kept: TextIO) -> tuple[int, list[str]]:
    with subprocess.Popen(
        command,
        # The inherited one is the runner's sign of life and never ends.
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in _told(_kept(process.stdout, kept)):
            lines.append(line)
            tell(event="line", task=task, text=line)
        return process.wait(), lines


def _kept(output: Iterable[str], log: TextIO) -> Iterator[str]:
    for raw in output:
        log.write(raw)
        log.flush()
        yield raw.rstrip()


def _told(lines: Iterable[str]) -> Iterator[str]:
    """The step's own lines, without what KFP's executor says and without its frames in a traceback."""
    in_inputs = False
    frames: list[str] = []
    for line in lines:
        if frames and line.startswith(" ") and _STEP not in line:
            frames.append(line)
            continue
        if frames:
            # Only a traceback that leads into the step has the executor's frames before it.
            yield from frames[:1] if _STEP in line else frames
            frames = []
        # The executor prints all inputs as JSON over many lines; they are in the log.
        if in_inputs or line.startswith(_EXECUTOR):
            in_inputs = line != "}" and (in_inputs or line.endswith("Got executor_input:"))
        elif line == _TRACEBACK:
            frames = [line]
        elif line:
            yield line
    yield from frames


def _error(lines: list[str], code: int) -> str:
    if _TRACEBACK in lines:
        return "\n".join(lines[lines.index(_TRACEBACK) :][-_LONGEST_TRACEBACK:])
    cause = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return "\n".join([*lines[-20:], f"the step ended without a traceback ({cause})"])


def tell(**event: Any) -> None:
    """Send one event to the run's caller."""
    sys.stdout.write(MARK + json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
