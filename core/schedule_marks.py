"""What the description of a recurring run says about who declared it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from kfp_lifecycle.core.window import format_time, parse_time

_NOTICE = "Declared in a file and kept by `kfp-lifecycle schedules apply`; change it there."
_PREFIX = "kfp-lifecycle/schedule: "


@dataclass(frozen=True)
class Mark:
    """Ownership and content of a schedule.

    Attributes:
        digest: of everything declared but ``enabled``.
        start: as declared; the recurring run itself may start later, where its predecessor stopped.
    """

    owner: str
    name: str
    digest: str
    start: datetime | None = None


def described(mark: Mark) -> str:
    """The description of a recurring run: a line for people, and one for ``read_mark``."""
    content = {
        "owner": mark.owner,
        "name": mark.name,
        "digest": mark.digest,
        "start": format_time(mark.start) if mark.start else "",
    }
    return f"{_NOTICE}\n{_PREFIX}{json.dumps(content, sort_keys=True)}"


def read_mark(description: str, name: str) -> Mark | None:
    """The mark of a recurring run with this name; None where there is none, or that of another name.

    A copy that someone made by hand has the description of its original but another name, and is not ours.
    """
    lines = [line for line in description.splitlines() if line.startswith(_PREFIX)]
    if len(lines) != 1:
        return None
    try:
        content = json.loads(lines[0].removeprefix(_PREFIX))
        owner, named, digest, start = (content[key] for key in ("owner", "name", "digest", "start"))
        if named != name or not all(isinstance(value, str) for value in (owner, digest, start)):
            return None
        return Mark(owner, name, digest, parse_time(start) if start else None)
    except (ValueError, KeyError, TypeError):
        return None
