"""The pipelines of Python files, built with the settings that their tasks are to get."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from kfp_lifecycle.core.errors import InputError


def pipelines(settings: str = "", own: Sequence[str] = ()) -> dict[str, Any]:
    """Every pipeline of this library by its name, then those of a user's own files.

    Args:
        settings: a file that says more of tasks; none if empty.
        own: Python files, each with at least one ``@dsl.pipeline``.

    Raises:
        InputError: a file is not valid, or two pipelines have one name.
    """
    # Only here, as kfp takes a second to import.
    from kfp_lifecycle.pipelines.settings import Settings, compiling_with, load_task_settings

    found: dict[str, Any] = {}
    with compiling_with(load_task_settings(settings) if settings else Settings()):
        for path in _library():
            found[path.stem] = getattr(_executed(path), path.stem)
        for given in own:
            for name, pipeline in _pipelines_of(given).items():
                if name in found:
                    raise InputError("--pipeline", given, f"a pipeline not called {name}", "Rename its function.")
                found[name] = pipeline
    return found


def _library() -> list[Path]:
    """A module of ``pipelines/`` holds one pipeline, under the module's own name."""
    folder = Path(str(import_module("kfp_lifecycle.pipelines").__file__)).parent
    return [path for path in sorted(folder.glob("*.py")) if "\n@dsl.pipeline" in path.read_text(encoding="utf-8")]


def _pipelines_of(given: str) -> dict[str, Any]:
    from kfp.dsl.graph_component import GraphComponent

    path = Path(given)
    if path.suffix != ".py" or not path.is_file():
        raise InputError("--pipeline", given, "a Python file", "Give the file that holds your @dsl.pipeline.")
    with _importable(path.resolve().parent):
        module = _executed(path)
    found = {name: it for name, it in vars(module).items() if isinstance(it, GraphComponent)}
    if not found:
        raise InputError("--pipeline", given, "a file with a pipeline", "Decorate a function of it by @dsl.pipeline.")
    return found


def _executed(path: Path) -> ModuleType:
    """The module, executed anew: KFP builds a pipeline where it is defined, once for each import."""
    specification = spec_from_file_location(f"_compiled_{path.stem}", path)
    assert specification and specification.loader
    module = module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """As when Python runs a file of this folder."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
