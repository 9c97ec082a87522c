"""Does each step get the settings that its code can reach, and no others?"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from kfp_lifecycle.components import face_modules, metadata
from kfp_lifecycle.core import settings

SOURCE = Path(str(settings.__file__)).parents[2]
MODULE = settings.__name__
# What the clients of stores and of MLflow read by themselves.
OF_CLIENTS = {
    "kfp_lifecycle.adapters.object_access": {"AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"},
    "kfp_lifecycle.adapters.mlflow_connection": {"AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"},
}
VERBS = sorted(face_modules())
# A constant of the settings' module, and the variables that it names; the lists of all of them name none.
NAMES = {
    name: {value} if isinstance(value, str) else set(value)
    for name, value in vars(settings).items()
    if name.isupper() and isinstance(value, str | tuple) and not name.startswith("FROM_")
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_step_gets_what_its_code_can_reach(verb: str) -> None:
    reached = reachable(face_modules()[verb])
    told = metadata.load(metadata.folders()[verb]).settings
    # In the order of the documentation, so that compiled files do not depend on who wrote the list.
    assert told == tuple(name for name in settings.FROM_CONFIG_MAP if name in reached)


@pytest.mark.parametrize("verb", VERBS)
def test_what_a_step_reads_can_be_set(verb: str) -> None:
    assert reachable(face_modules()[verb]) <= {*settings.FROM_CONFIG_MAP, *settings.FROM_SECRET}


def test_the_search_finds_every_way_to_name_a_setting() -> None:
    assert settings.METRICS in reachable("kfp_lifecycle.adapters.counters"), "imported by its name"
    assert settings.PROMETHEUS_URL in reachable("kfp_lifecycle.adapters.counters"), "in another module"
    assert settings.TRUSTED_TYPES in reachable("kfp_lifecycle.components.evaluation.component"), "inside a function"
    assert "AWS_DEFAULT_REGION" in reachable("kfp_lifecycle.components.collection.component"), "by a client"
    assert reachable("kfp_lifecycle.core.window") == set()


def reachable(module: str) -> set[str]:
    """The variables that any module may read which ``module`` imports, itself or through others.

    Imports inside functions count, so nothing that is read is missed; what is imported and not called counts too.
    """
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _imported(name)
    return set().union(*map(_read, seen)) - {settings.CONFIG_MAP, settings.SECRET}


@cache
def _tree(module: str) -> ast.Module:
    path = _file(module)
    assert path
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _file(module: str) -> Path | None:
    place = SOURCE.joinpath(*module.split("."))
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)


@cache
def _imported(module: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"a relative import in {module}"
            found.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    return frozenset(name for name in found if name.startswith("kfp_lifecycle.") and _file(name))


@cache
def _read(module: str) -> frozenset[str]:
    found = set(OF_CLIENTS.get(module, ()))
    if module == MODULE:
        return frozenset()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings":
            found.update(NAMES.get(node.attr, ()))
        elif isinstance(node, ast.ImportFrom) and node.module == MODULE:
            found.update(*(NAMES.get(alias.name, ()) for alias in node.names))
        elif isinstance(node, ast.Constant) and node.value in settings.FROM_CONFIG_MAP:
            found.add(node.value)
    return frozenset(found)
