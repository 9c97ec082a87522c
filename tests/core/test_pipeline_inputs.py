"""Texts become the types that a pipeline declares, or are refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core import pipeline_inputs
from kfp_lifecycle.core.errors import InputError

SPEC = {
    "root": {
        "inputDefinitions": {
            "parameters": {
                "name": {"parameterType": "STRING"},
                "rows": {"parameterType": "NUMBER_INTEGER", "defaultValue": 1},
                "share": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5},
                "dry": {"parameterType": "BOOLEAN", "isOptional": True},
                "columns": {"parameterType": "LIST", "isOptional": True},
                "settings": {"parameterType": "STRUCT", "isOptional": True},
            }
        }
    }
}
INPUTS = pipeline_inputs.declared(SPEC)


def arguments(**values: Any) -> dict[str, Any]:
    return pipeline_inputs.arguments({"name": "churn", **values}, INPUTS, "train")


def test_only_what_has_neither_default_nor_none_is_required() -> None:
    assert [name for name, each in INPUTS.items() if each.required] == ["name"]


def test_platform_settings_beside_the_pipeline_change_nothing() -> None:
    assert pipeline_inputs.declared({"pipeline_spec": SPEC, "platform_spec": {}}) == INPUTS


def test_texts_become_numbers_lists_and_objects() -> None:
    given_texts = {"rows": "7", "share": "0.25", "dry": "true", "columns": '["a"]', "settings": '{"a": 1}'}
    wanted = {"rows": 7, "share": 0.25, "dry": True, "columns": ["a"], "settings": {"a": 1}, "name": "churn"}
    assert arguments(**given_texts) == wanted


def test_a_text_parameter_keeps_a_text_that_looks_like_a_number() -> None:
    assert arguments(name="20130101")["name"] == "20130101"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"rows": "seven"}, "rows"),
        ({"rows": 0.5}, "rows"),
        ({"rows": True}, "rows"),
        ({"share": "NaN"}, "share"),
        ({"share": "Infinity"}, "share"),
        ({"dry": "yes"}, "dry"),
        ({"dry": 1}, "dry"),
        ({"columns": "a,b"}, "columns"),
        ({"settings": "[]"}, "settings"),
        ({"name": 5}, "name"),
        ({"nmae": "x"}, "nmae"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as refused:
        arguments(**values)
    assert refused.value.parameter == named


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(InputError, match="name="):
        pipeline_inputs.arguments({}, INPUTS, "train")


@given(st.lists(st.one_of(st.integers(), st.text(), st.booleans())))
def test_a_list_is_the_same_as_its_text(values: list[Any]) -> None:
    assert arguments(columns=json.dumps(values)) == arguments(columns=values)
