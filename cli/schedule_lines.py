"""Changes of schedules as lines to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from kfp_lifecycle.core.schedule_changes import Change, Difference, values
from kfp_lifecycle.core.schedule_plan import Kind, Write
from kfp_lifecycle.core.window import format_time

_SIGNS = {Change.CREATE: "+", Change.REMOVE: "-"}
_DONE = {
    Kind.CREATE: "created, switched off",
    Kind.ENABLE: "enabled",
    Kind.DISABLE: "disabled",
    Kind.DELETE: "deleted",
}


def difference_lines(difference: Difference, in_full: bool) -> Iterator[str]:
    """One line for a change, and ``in_full`` one for each field."""
    changed = values(difference)
    line = f"{_SIGNS.get(difference.change, '~')} {difference.name}: {difference.change}"
    if difference.change is Change.FINISH:
        line += " what an interrupted apply began"
    elif difference.change is Change.ADOPT:
        line += f" ({', '.join(['owner', *changed])})"
    elif difference.change is Change.REPLACE:
        # Only ids differ when names do not.
        line += f" ({', '.join(changed) or 'its pipeline or version was made anew'})"
    yield line
    if in_full:
        for name, (here, declared) in changed.items():
            if difference.found:
                yield f"    {name}: {_shown(here)} -> {_shown(declared)}"
            else:
                yield f"    {name}: {_shown(declared)}"


def write_line(name: str, write: Write) -> str:
    """What one write has done."""
    start = f", from {format_time(write.start)}" if write.start else ""
    return f"{name}: {_DONE[write.kind]} {write.id}".rstrip() + start


def summary(todo: Sequence[Difference], done: bool = False) -> str:
    """The last line."""
    if not todo:
        return "nothing to do"
    return f"{len(todo)} {'schedule' if len(todo) == 1 else 'schedules'} {'changed' if done else 'to change'}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
