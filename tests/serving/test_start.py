"""A server that must not serve says why in its last line, and never listens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.core.checksums import CHECKSUMS, sha256_file, write_checksums

Refused = Callable[..., str]


@pytest.fixture
def directory(model_directory: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(model_directory, tmp_path / "model"))


@pytest.fixture
def refused(serve_python: Path, free_port: Callable[[], int]) -> Refused:
    """Starts the server, expects it to end with 1, and returns its last line."""

    def run(directory: Path, **environment: str) -> str:
        command = [str(serve_python), "-m", "kfp_lifecycle.serving", "--model_name", "flights"]
        done = subprocess.run(
            [*command, "--model_dir", str(directory), "--host", "127.0.0.1", "--http_port", str(free_port())],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **environment},
            cwd=directory.parent,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        return done.stderr.splitlines()[-1]

    return run


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_one_flipped_byte_of_the_model_file_is_named(directory: Path, refused: Refused) -> None:
    flip_a_byte(directory / "model.skops")
    assert "model.skops was changed" in refused(directory)


def test_a_missing_file_is_named(directory: Path, refused: Refused) -> None:
    (directory / "trusted.json").unlink()
    assert "trusted.json is missing" in refused(directory)


def test_an_added_file_is_named(directory: Path, refused: Refused) -> None:
    (directory / "extra.txt").write_text("x")
    assert "extra.txt was added" in refused(directory)


def test_a_directory_that_is_whole_but_not_the_one_released_is_refused(directory: Path, refused: Refused) -> None:
    released = sha256_file(directory / CHECKSUMS)
    flip_a_byte(directory / "requirements.txt")
    write_checksums(directory)
    line = refused(directory, KFP_LIFECYCLE_MODEL_DIGEST=released)
    assert f"expected {released}" in line


def rewrite(directory: Path, name: str, change: Callable[[Any], Any]) -> None:
    content = json.loads((directory / name).read_text())
    (directory / name).write_text(json.dumps(change(content)))
    write_checksums(directory)


def test_a_model_that_cannot_answer_its_own_example_never_becomes_ready(directory: Path, refused: Refused) -> None:
    rewrite(directory, "input_example.json", lambda example: {**example, "columns": ["x", *example["columns"][1:]]})
    line = refused(directory)
    assert "input_example.json" in line
    assert "missing column 'distance'" in line


def test_a_wrong_setting_is_named(directory: Path, refused: Refused) -> None:
    assert "KFP_LIFECYCLE_LATENCY_BUCKETS" in refused(directory, KFP_LIFECYCLE_LATENCY_BUCKETS="fast")
