"""Does a model directory that differs in any way say which file it was?"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.checksums import (
    CHECKSUMS,
    ChecksumError,
    canonical_json,
    content_key,
    verify_checksums,
    write_checksums,
)

KEY = {
    "model_name": "flights",
    "table_digest": "t",
    "estimator": "sklearn.linear_model.Ridge",
    "parameters": {"alpha": 1},
    "seed": 0,
    "code_digest": "",
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "profile").mkdir()
    (tmp_path / "model.skops").write_bytes(b"weights")
    (tmp_path / "profile" / "columns.json").write_text("{}")
    return tmp_path


def test_an_untouched_directory_verifies_to_the_digest_that_was_written(model: Path) -> None:
    digest = write_checksums(model)
    assert verify_checksums(model) == digest
    assert verify_checksums(model, digest) == digest


def test_writing_again_gives_the_same_digest(model: Path) -> None:
    assert write_checksums(model) == write_checksums(model)


def test_a_flipped_bit_names_the_file(model: Path) -> None:
    digest = write_checksums(model)
    (model / "model.skops").write_bytes(b"weighus")
    with pytest.raises(ChecksumError, match=r"^model\.skops was changed"):
        verify_checksums(model, digest)


def test_a_missing_file_is_named(model: Path) -> None:
    write_checksums(model)
    (model / "profile" / "columns.json").unlink()
    with pytest.raises(ChecksumError, match=r"^profile/columns\.json is missing"):
        verify_checksums(model)


def test_an_added_file_is_named(model: Path) -> None:
    write_checksums(model)
    (model / "model.pkl").write_bytes(b"")
    with pytest.raises(ChecksumError, match=r"^model\.pkl was added"):
        verify_checksums(model)


def test_a_symbolic_link_is_refused(model: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text("secret")
    (model / "link").symlink_to(outside)
    with pytest.raises(ChecksumError, match="link is a symbolic link"):
        write_checksums(model)


def test_rewritten_checksums_do_not_match_the_recorded_digest(model: Path) -> None:
    recorded = write_checksums(model)
    (model / "model.skops").write_bytes(b"other weights")
    write_checksums(model)
    with pytest.raises(ChecksumError, match=f"expected {recorded}"):
        verify_checksums(model, recorded)


@pytest.mark.parametrize("content", [b"", b"not json", b"[]", b"\xff"])
def test_checksums_that_are_no_object_are_refused(model: Path, content: bytes) -> None:
    (model / CHECKSUMS).write_bytes(content)
    with pytest.raises(ChecksumError, match=CHECKSUMS):
        verify_checksums(model)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("model_name", "trains"),
        ("table_digest", "u"),
        ("estimator", "sklearn.linear_model.Lasso"),
        ("parameters", {"alpha": 2}),
        ("seed", 1),
        ("code_digest", "c"),
    ],
)
def test_every_input_of_a_training_is_part_of_its_content_key(name: str, other: object) -> None:
    assert content_key(**KEY) != content_key(**{**KEY, name: other})  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON))
def test_equal_values_have_one_spelling(value: dict[str, object]) -> None:
    reordered = dict(reversed(list(value.items())))
    assert canonical_json(value) == canonical_json(reordered)
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_without_a_json_spelling_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"x": number})
