"""The logs of the local cluster, for a terminal."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.state import StateFolder

_PAUSE_SECONDS = 0.2


def names(state: StateFolder) -> dict[str, Path]:
    """Log files by name: parts of the cluster, then pods."""
    parts = {path.stem: path for path in sorted(state.logs.glob("*.log"))}
    pods = {path.stem.partition("_")[2]: path for path in sorted((state.logs / "pods").glob("*.log"))}
    return parts | pods


def show(state: StateFolder, name: str, *, follow: bool) -> int:
    """Print the log of a part or pod, the newest one that the name begins; without a name list them.

    Raises:
        InputError: no log begins with the name.
    """
    known = names(state)
    if not name:
        print("\n".join(known))
        return 0
    found = [path for one, path in known.items() if one == name] or [
        path for one, path in known.items() if one.startswith(name)
    ]
    if not found:
        raise InputError("name", name, f"one of {', '.join(known) or 'no log yet'}", "See `local logs` for the names.")
    path = max(found, key=lambda one: one.stat().st_mtime)
    with path.open("rb") as log:
        while True:
            part = log.read(1 << 16)
            sys.stdout.buffer.write(part)
            sys.stdout.flush()
            if not part and not follow:
                return 0
            if not part:
                time.sleep(_PAUSE_SECONDS)  # a file cannot be waited for
