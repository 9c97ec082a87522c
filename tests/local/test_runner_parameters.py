"""Are the arguments of a run what the compiled pipeline declares, and is every mistake named?"""

from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.runner_parameters import (
    LARGEST_BYTES,
    check_arguments,
    load_params_file,
    parse_assignments,
)
from kfp_lifecycle.local.runner_specification import Input

INPUTS = {
    "number": Input("NUMBER_INTEGER", True, None),
    "ratio": Input("NUMBER_DOUBLE", False, 0.5),
    "flag": Input("BOOLEAN", False, False),
    "names": Input("LIST", False, []),
    "options": Input("STRUCT", False, {}),
    "text": Input("STRING", False, ""),
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("number=3", 3),
        ("number=-3", -3),
        ("ratio=0.25", 0.25),
        ("ratio=2", 2.0),
        ("flag=True", True),
        ("flag=false", False),
        ('names=["a", "b=c"]', ["a", "b=c"]),
        ('options={"a": 1}', {"a": 1}),
        ("text=a=b", "a=b"),
        ("text=3", "3"),
        ("text=", ""),
        ('text={"max_iter": 100}', '{"max_iter": 100}'),
    ],
)
def test_a_text_becomes_a_value_of_the_declared_type(text: str, value: Any) -> None:
    [found] = parse_assignments([text], INPUTS).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("number", "NAME=VALUE"),
        ("number=3.5", "whole number"),
        ("number=", "whole number"),
        ("ratio=x", "a number"),
        ("ratio=nan", "finite"),
        ("flag=yes", "true or false"),
        ("names=a,b", "list as JSON"),
        ('names={"a": 1}', "a list"),
        ("options=[1]", "an object"),
        ("options={", "JSON"),
        ("numbr=3", "Did you mean number"),
        ("zzz=3", "one of"),
    ],
)
def test_a_wrong_text_names_what_was_expected(text: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        parse_assignments([text], INPUTS)


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="one value"):
        parse_assignments(["number=1", "number=2"], INPUTS)


def test_a_missing_required_parameter_is_named() -> None:
    with pytest.raises(InputError, match="--param number=..."):
        check_arguments({"text": "a"}, INPUTS)


@pytest.mark.parametrize(
    "values", [{"number": True}, {"number": 1.0}, {"number": "1"}, {"number": 1, "text": 2}, {"number": 1, "flag": 1}]
)
def test_a_value_of_another_type_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="declares"):
        check_arguments(values, INPUTS)


def test_parameters_too_large_for_an_argument_list_are_refused() -> None:
    with pytest.raises(InputError, match="put the data in a file"):
        check_arguments({"number": 1, "text": "x" * LARGEST_BYTES}, INPUTS)


def test_a_params_file_is_one_mapping(tmp_path: Path) -> None:
    path = tmp_path / "parameters.yaml"
    path.write_text("number: 3\nnames: [a]\n", encoding="utf-8")
    assert load_params_file(path) == {"number": 3, "names": ["a"]}


@pytest.mark.parametrize("content", ["- 1\n", "a: [\n", "1: 2\n", ""])
def test_a_params_file_with_something_else_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "parameters.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="params-file"):
        load_params_file(path)


def test_a_date_in_a_params_file_is_refused_before_it_reaches_json(tmp_path: Path) -> None:
    path = tmp_path / "parameters.yaml"
    path.write_text("number: 3\nnames: [2013-01-01]\n", encoding="utf-8")
    with pytest.raises(InputError, match="quotes"):
        check_arguments(load_params_file(path), INPUTS)
