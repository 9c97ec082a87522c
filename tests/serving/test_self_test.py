from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.serving.exchange import Exchange
from kfp_lifecycle.serving.self_test import INPUT_EXAMPLE, prove


def test_a_model_that_answers_its_own_example_is_proved(
    make_exchange: Callable[..., Exchange], model_directory: Path
) -> None:
    prove(make_exchange(), model_directory)


@pytest.mark.parametrize(
    "content",
    [None, "{", "[]", '{"columns": ["x"]}', '{"columns": ["x"], "data": [[1, 2]]}', '{"columns": [], "data": 1}'],
)
def test_an_example_that_cannot_be_read_is_named(
    make_exchange: Callable[..., Exchange], tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / INPUT_EXAMPLE).write_text(content)
    with pytest.raises(ValueError, match=rf"{INPUT_EXAMPLE} cannot be read"):
        prove(make_exchange(), tmp_path)


def test_a_model_that_fails_on_its_example_is_refused(make_exchange: Callable[..., Exchange], tmp_path: Path) -> None:
    class Broken:
        def predict(self, frame: Any) -> Any:
            raise RuntimeError

    example = {"columns": ["distance"], "data": [[1.0]]}
    (tmp_path / INPUT_EXAMPLE).write_text(json.dumps(example))
    with pytest.raises(ValueError, match="does not answer its own"):
        prove(make_exchange(), tmp_path)
    with pytest.raises(ValueError, match="does not answer its own"):
        prove(make_exchange(estimator=Broken()), tmp_path)
