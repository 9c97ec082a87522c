"""Lifecycle steps. Faces load lazily, so that a pod's stripped ``kfp.dsl`` never meets ``@dsl.component``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any


def face_modules() -> dict[str, str]:
    """Map each component's verb to the module that holds its face."""
    faces: dict[str, str] = {}
    for path in sorted(Path(__file__).parent.glob("*/component.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("def "):
                faces[line[4:].split("(")[0]] = f"{__name__}.{path.parent.name}.component"
    return faces


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    module = face_modules().get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no component {name!r}; it has {sorted(face_modules())}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted(face_modules())
