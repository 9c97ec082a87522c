"""The files that a task left: its log and its artifacts; bounded, and nothing outside of the run's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfp_lifecycle.local.runner_session import plain
from kfp_lifecycle.local.status_page.task_values import Noted

TAIL_BYTES = 64 * 1024
TAIL_LINES = 400
LARGEST_REPORT = 8 << 20
_PREVIEW_BYTES = 16 * 1024
_MOST_FILES = 200
_EXECUTOR_OUTPUT = "executor_output.json"
_HTML_BEGINS = (b"<!doctype html", b"<html")


@dataclass(frozen=True)
class Tail:
    """The end of a log; ``skipped`` bytes come before it."""

    text: str
    size: int
    skipped: int


@dataclass(frozen=True)
class Artifact:
    """A file below a task's folder.

    Attributes:
        path: relative to the folder, with forward slashes.
        kind: its KFP type without the prefix, for example HTML or Dataset; empty if it is not known.
        preview: its text, if it is short text.
        metadata: what KFP notes of it.
    """

    path: str
    size: int
    kind: str = ""
    is_html: bool = False
    preview: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def inside(folder: str, path: str) -> Path | None:
    """The regular file at ``path`` if it lies in the folder, links followed; None for anything else."""
    if not folder or not path:
        return None
    try:
        root = Path(folder).resolve(strict=True)
        found = (root / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None
    return found if found.is_relative_to(root) and found.is_file() else None


def tail(path: Path) -> Tail:
    """The last lines of a log, without terminal colours.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(size - TAIL_BYTES, 0)
        file.seek(start)
        content = file.read(TAIL_BYTES)
    lines = content.split(b"\n")
    if start:
        # The first line may have lost its beginning.
        lines = lines[1:]
    lines = lines[-(TAIL_LINES + 1) :]
    kept = b"\n".join(lines)
    return Tail(printable(plain(kept.decode("utf-8", "replace"))), size, size - len(kept))


def printable(text: str) -> str:
    """The text without control characters, but for line ends and tabs."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t").replace("\x7f", "")


def artifacts(directory: str, noted: Iterable[Noted]) -> tuple[list[Artifact], bool]:
    """The files in a task's folder, with what is noted of them, and whether there are more than are told."""
    root = Path(directory)
    if not directory or not root.is_dir():
        return [], False
    known = {each.uri.rstrip("/").rpartition("/")[2]: each for each in noted}
    found: list[Artifact] = []
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        if name == _EXECUTOR_OUTPUT:
            continue
        if len(found) == _MOST_FILES:
            return found, True
        found.append(_artifact(path, name, known.get(name.partition("/")[0])))
    return found, False


def _files(root: Path) -> Iterator[Path]:
    """Regular files, no links, in the order of their names."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _artifact(path: Path, name: str, noted: Noted | None) -> Artifact:
    kind, metadata = (noted.kind, noted.metadata) if noted else ("", {})
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            begin = file.read(_PREVIEW_BYTES)
    except OSError:
        return Artifact(name, 0, kind, metadata=metadata)
    is_html = begin[:200].lstrip().lower().startswith(_HTML_BEGINS)
    preview = "" if is_html or size > _PREVIEW_BYTES else _text(begin)
    return Artifact(name, size, kind, is_html, preview, metadata)


def _text(content: bytes) -> str:
    """Text as a reader wants it, JSON indented; empty for what is no text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    if "\0" in text:
        return ""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return printable(text)
