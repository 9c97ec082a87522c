"""Settings of the payload log: what cannot be used ends the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfp_lifecycle.core.model import Column, Signature
from kfp_lifecycle.serving.payload_log_settings import (
    PayloadLogSettings,
    check_columns_of_log,
    payload_log_settings,
)

PREFIX = "KFP_LIFECYCLE_PAYLOAD_LOG_"
SIGNATURE = Signature("regression", "y", None, (Column("age", "number", False), Column("name", "category", True)), "x")


def settings(**values: str) -> PayloadLogSettings | None:
    return payload_log_settings({PREFIX + name: value for name, value in values.items()})


def test_without_a_place_nothing_is_logged_whatever_else_is_set() -> None:
    assert settings() is None
    assert settings(URI=" ", HASH="name", SECONDS="never") is None


def test_names_are_split_at_commas_and_the_key_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef\n")
    found = settings(
        URI="s3://logs/prod", EXCLUDE=" age, ", HASH="name,name", HASH_KEY_FILE=str(tmp_path / "key"), SECONDS="5"
    )
    assert found == PayloadLogSettings("s3://logs/prod", 5.0, ("age",), ("name",), b"0123456789abcdef")
    assert settings(URI="/logs") == PayloadLogSettings("/logs")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"URI": "https://logs/x"}, "URI"),
        ({"URI": "ftp://logs/x"}, "URI"),
        ({"URI": "/logs/*"}, "URI"),
        ({"URI": "s3://user:secret@logs/x"}, "URI"),
        ({"SECONDS": "soon"}, "SECONDS"),
        ({"SECONDS": "0"}, "SECONDS"),
        ({"SECONDS": "nan"}, "SECONDS"),
        ({"EXCLUDE": "name", "HASH": "name"}, "EXCLUDE"),
        ({"HASH": "name"}, "HASH_KEY_FILE"),
        ({"HASH": "name", "HASH_KEY_FILE": "/nowhere/key"}, "HASH_KEY_FILE"),
        ({"HASH": "name", "HASH_KEY_FILE": "/dev/null"}, "HASH_KEY_FILE"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_variable(values: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=PREFIX + named) as refused:
        settings(**{"URI": "/logs", **values})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("which", ["exclude", "hashed"])
def test_a_name_that_the_model_does_not_have_is_refused(which: str) -> None:
    with pytest.raises(ValueError, match="no column 'nmae'; its columns are age, name"):
        check_columns_of_log(PayloadLogSettings("/logs", **{which: ("nmae",)}), SIGNATURE)
    check_columns_of_log(PayloadLogSettings("/logs", **{which: ("name",)}), SIGNATURE)


@pytest.mark.parametrize(("name", "classes"), [("_status", None), ("_score", None), ("_score_2", ("a", "b", "c"))])
def test_a_feature_with_the_name_of_a_column_of_the_log_is_refused(name: str, classes: tuple[str, ...] | None) -> None:
    task = "classification" if classes else "regression"
    signature = Signature(task, "y", classes, (Column(name, "number", False),), "x")
    with pytest.raises(ValueError, match=f"{name}.*rename it"):
        check_columns_of_log(PayloadLogSettings("/logs"), signature)


def test_a_score_of_a_class_that_there_is_not_is_no_column_of_the_log() -> None:
    signature = Signature("classification", "y", ("a", "b"), (Column("_score_1", "number", False),), "x")
    check_columns_of_log(PayloadLogSettings("/logs"), signature)
