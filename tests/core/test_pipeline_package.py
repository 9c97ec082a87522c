"""The digest of a compiled pipeline follows its content, and not how it is written down."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.pipeline_package import (
    content_digest,
    described,
    described_digest,
    read_package,
    version_names,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        random.Random(1).shuffle(items)
        return {key: shuffled(inner) for key, inner in items}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


@given(VALUES)
def test_the_order_of_keys_does_not_count(value: Any) -> None:
    assert content_digest([value]) == content_digest([shuffled(value)])


@pytest.mark.parametrize("other", [[1, 2], {"a": "1"}, {"a": True}, {"a": 1, "b": None}, {"A": 1}])
def test_other_content_has_another_digest(other: Any) -> None:
    assert content_digest([other]) != content_digest([{"a": 1}])


def test_neither_comments_nor_white_space_count(tmp_path: Path) -> None:
    content = {"pipelineInfo": {"name": "p"}, "root": {"a": [1, 2]}}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (tmp_path / "b.yaml").write_text("# comment\n" + yaml.safe_dump(content, indent=6, width=20), encoding="utf-8")
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({**content, "root": {"a": [2, 1]}}), encoding="utf-8")

    one, same, other = (read_package(tmp_path / name) for name in ("a.yaml", "b.yaml", "c.yaml"))

    assert one.name == "p"
    assert one.digest == same.digest != other.digest


def test_the_second_document_counts(tmp_path: Path) -> None:
    head = yaml.safe_dump({"pipelineInfo": {"name": "p"}})
    (tmp_path / "a.yaml").write_text(head, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(f"{head}---\nplatforms: {{}}\n", encoding="utf-8")

    assert read_package(tmp_path / "a.yaml").digest != read_package(tmp_path / "b.yaml").digest


def test_a_description_gives_its_digest_back() -> None:
    digest = content_digest([1])

    assert described_digest(described(digest)) == digest
    assert described_digest("made by hand") == ""


def test_content_that_comes_back_gets_a_further_name() -> None:
    assert list(itertools.islice(version_names("0123456789abcdef"), 3)) == [
        "0123456789ab",
        "0123456789ab-2",
        "0123456789ab-3",
    ]


@pytest.mark.parametrize("text", ["", "a: [", "[1]", "pipelineInfo: {}", "pipelineInfo: {name: 3}", "\x00"])
def test_what_is_no_compiled_pipeline_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match="compile.py"):
        read_package(tmp_path / "p.yaml")
