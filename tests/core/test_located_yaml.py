"""Is a file that cannot be YAML refused in words?"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.located_yaml import read_located


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\ufffe"])
def test_a_control_character_is_refused_with_the_files_name(tmp_path: Path, character: str) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(f"owner: te{character}am\n", encoding="utf-8")
    with pytest.raises(InputError, match="without control characters") as caught:
        read_located(file)
    assert caught.value.parameter == str(file)


@pytest.mark.parametrize(
    "value",
    ["!!int x", "!!int ''", "!!float x", "!!bool x", "!!timestamp x", "0x_", "1" * 5000, "{0x_: b}", "[" * 20_000],
)
def test_a_value_that_is_not_what_it_looks_like_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(f"first: 1\nsecond: {value}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_located(file)
    assert caught.value.parameter.startswith(str(file) if "[" in value else f"{file}:2")


@given(st.text(max_size=40) | st.text("[]{}:-!&*?|>'\"%@ \nab01", max_size=40))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        read_located(file)
    except InputError as error:
        assert str(error).startswith(str(file))
