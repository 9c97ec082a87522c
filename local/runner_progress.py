"""What a run shows while it works: one line as a task starts and ends, its own lines between."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO

_SHOWN = 64


def print_event(event: Mapping[str, Any], output: TextIO | None = None) -> None:
    """Print one event of a run; unknown events are left out."""
    text = describe(event)
    if text is not None:
        print(text, file=output or sys.stdout, flush=True)


def describe(event: Mapping[str, Any]) -> str | None:
    """The text of an event.

    >>> describe({"event": "line", "task": "train", "text": "10 rows"})
    '  train        | 10 rows'
    """
    task = f"  {event.get('task', ''):<12}"
    match event["event"]:
        case "run":
            return (
                f"{event['pipeline']}: run {event['run_id']}\n"
                f"  settings from {event['settings']}\n  files in {event['directory']}"
            )
        case "started":
            return f"{task} started"
        case "line":
            return f"{task} | {event['text']}"
        case "ended" if event["code"] == 0:
            return f"{task} done in {event['seconds']:.1f} s{_outputs(event['outputs'])}"
        case "ended":
            return f"{task} FAILED after {event['seconds']:.1f} s"
        case "cached":
            return f"{task} taken from the cache{_outputs(event['outputs'])}"
        case "finished":
            return f"{event['pipeline']}: {event['status']} in {event['seconds']:.1f} s"
    return None


def _outputs(outputs: Mapping[str, Any]) -> str:
    shown = []
    for name, value in outputs.items():
        text = str(value)
        shown.append(f"{name}={text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}")
    return ": " + ", ".join(shown) if shown else ""
