"""The folder that holds everything a local cluster keeps."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_FOLDER = Path.home() / ".kfp-lifecycle"
PRIVATE = 0o600


@dataclass(frozen=True)
class StateFolder:
    """Names of the files in a state folder."""

    path: Path

    @classmethod
    def at(cls, path: str | Path | None) -> StateFolder:
        """The folder at ``path`` (default ``~/.kfp-lifecycle``), made if it is missing; readable by its owner only."""
        folder = Path(path or DEFAULT_FOLDER).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(folder)

    def __getitem__(self, name: str) -> Path:
        """A file or folder by name, for example ``state["cluster.json"]``."""
        return self.path / name

    @property
    def logs(self) -> Path:
        """The folder of log files, one a process."""
        return self.path / "logs"

    @property
    def models(self) -> Path:
        """The models root: exported models, by name and digest."""
        return self.path / "models"

    @property
    def payloads(self) -> Path:
        """The root of the payload logs, by service."""
        return self.path / "payloads"


def write_private(path: Path, text: str) -> None:
    """Replace a file at once by one that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        os.fchmod(handle, PRIVATE)
        file.write(text)
    os.replace(temporary, path)  # noqa: PTH105 - the same call that readers of the file rely on


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file at once."""
    write_private(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The JSON file's value, or None if there is no such file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
