"""Does every component keep the house's promises? They are found by scanning, so a new one is held to them too."""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import jsonschema
import pytest
import yaml

from kfp_lifecycle.cli.generate import generated_files
from kfp_lifecycle.components import face_modules, images, metadata
from kfp_lifecycle.core import settings

FOLDERS = metadata.folders()
VERBS = sorted(FOLDERS)
ROOT = Path(__file__).parents[2]
SECRET_LIKE = re.compile(r"password|passwd|token|secret|credential|(^|_)key($|_)|endpoint|url|host|tracking", re.I)


def face_function(verb: str) -> ast.FunctionDef:
    tree = ast.parse((FOLDERS[verb] / "component.py").read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == verb)


def face_spec(verb: str):
    return getattr(importlib.import_module(face_modules()[verb]), verb).component_spec


def entry_function(verb: str):
    statement = face_function(verb).body[1]
    assert isinstance(statement, ast.ImportFrom) and statement.module
    return getattr(importlib.import_module(statement.module), statement.names[0].name)


@pytest.mark.parametrize("verb", VERBS)
def test_metadata_is_valid_by_its_schema(verb: str) -> None:
    schema = json.loads(metadata.SCHEMA.read_text(encoding="utf-8"))
    content = yaml.safe_load((FOLDERS[verb] / "metadata.yaml").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(content)


def test_the_schema_refuses_a_cacheable_step_with_side_effects() -> None:
    schema = json.loads(metadata.SCHEMA.read_text(encoding="utf-8"))
    content = yaml.safe_load((FOLDERS[VERBS[0]] / "metadata.yaml").read_text(encoding="utf-8"))
    content.update(cacheable=True, side_effects=["Writes a file."])
    assert not jsonschema.Draft202012Validator(schema).is_valid(content)


@pytest.mark.parametrize("verb", VERBS)
def test_a_readme_is_not_stale(verb: str) -> None:
    path = FOLDERS[verb] / "README.md"
    assert path.read_text(encoding="utf-8") == generated_files()[path], "run: kfp-lifecycle generate"


def test_the_role_is_not_stale() -> None:
    [(path, text)] = [(path, text) for path, text in generated_files().items() if path.name == "role.yaml"]
    assert path.read_text(encoding="utf-8") == text, "run: kfp-lifecycle generate"


@pytest.mark.parametrize("verb", VERBS)
def test_every_input_and_output_is_described(verb: str) -> None:
    spec = face_spec(verb)
    for name, it in [*(spec.inputs or {}).items(), *(spec.outputs or {}).items()]:
        assert it.description, f"{verb} does not say what {name} is"


@pytest.mark.parametrize("verb", VERBS)
def test_the_body_of_a_face_is_one_import_and_one_call(verb: str) -> None:
    docstring, imported, called = face_function(verb).body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(imported, ast.ImportFrom)
    assert isinstance(called, ast.Return) and isinstance(called.value, ast.Call)
    assert imported.module and imported.module.startswith(f"kfp_lifecycle.components.{FOLDERS[verb].name}.")


@pytest.mark.parametrize("verb", VERBS)
def test_the_logic_takes_what_the_face_gives(verb: str) -> None:
    call = face_function(verb).body[2].value
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    assert given == {argument.arg: argument.arg for argument in face_function(verb).args.args}
    inspect.signature(entry_function(verb)).bind(**given)


@pytest.mark.parametrize("verb", VERBS)
def test_the_logic_returns_what_the_face_declares(verb: str) -> None:
    # The executor takes a tuple apart by position, and a text by letter; a list it takes as the only output.
    returned = get_type_hints(entry_function(verb))["return"]
    kinds = [returned] if get_origin(returned) is list else get_args(returned)
    parameters = [it.type for it in face_spec(verb).outputs.values() if not it.type.startswith("system.")]
    assert [{str: "String", int: "Integer", list[str]: "typing.List[str]"}[kind] for kind in kinds] == parameters


@pytest.mark.parametrize("verb", VERBS)
def test_a_face_has_no_deferred_annotations(verb: str) -> None:
    # KFP's executor cannot read artifact annotations that are texts.
    assert "from __future__" not in (FOLDERS[verb] / "component.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_installed_when_a_step_starts(verb: str) -> None:
    container = face_spec(verb).implementation.container
    assert not re.search(r"\bpip\b", " ".join([*container.command, *container.args]))


@pytest.mark.parametrize("verb", VERBS)
def test_the_image_is_in_the_table(verb: str) -> None:
    table = {images.reference(family) for family in images.NAMES}
    assert face_spec(verb).implementation.container.image in table


@pytest.mark.parametrize("verb", VERBS)
def test_no_parameter_is_an_endpoint_or_a_secret(verb: str) -> None:
    # data_uri, schema_uri and uri are addresses of data, which is what a run is about; they hold no credentials.
    assert [name for name in face_spec(verb).inputs or {} if SECRET_LIKE.search(name)] == []


@pytest.mark.parametrize("verb", VERBS)
def test_an_outcome_is_text(verb: str) -> None:
    outcome = face_spec(verb).outputs.get("outcome")
    assert outcome is None or outcome.type == "String"


def test_every_secret_that_a_step_reads_is_in_the_example_secret() -> None:
    named = {name for folder in FOLDERS.values() for name in metadata.load(folder).secrets}
    assert named <= set(settings.FROM_SECRET)


def test_importing_the_packages_imports_no_face() -> None:
    packages = ["kfp_lifecycle.components", *(module.rsplit(".", 1)[0] for module in face_modules().values())]
    code = (
        f"import importlib, sys\nfor name in {packages}: importlib.import_module(name)\n"
        "print([name for name in sys.modules if name.endswith('.component') or name.split('.')[0] == 'kfp'])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def test_all_logic_can_be_imported_where_kfp_is_stripped() -> None:
    # In a pod kfp.dsl has no `component`, so logic that reached a face would fail there and nowhere else.
    modules = []
    for verb in VERBS:
        imported = face_function(verb).body[1]
        assert isinstance(imported, ast.ImportFrom)
        modules.append(imported.module)
    code = (
        "import importlib, sys\nfrom kfp import dsl\nassert not hasattr(dsl, 'component')\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "print([name for name in sys.modules if name.endswith('.component')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "_KFP_RUNTIME": "true"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "[]"
