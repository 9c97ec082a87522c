"""Exported models, checked byte for byte before a release leans on them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.core.checksums import ChecksumError, verify_checksums
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.example_request import example_request
from kfp_lifecycle.core.models_root import ModelsRoot, models_root
from kfp_lifecycle.core.signature import Signature, load_signature


def verified_example(root: ModelsRoot, uri: str, digest: str) -> dict[str, Any]:
    """Verify what lies at ``uri`` and return the model's own example as a request.

    Raises:
        InputError: nothing lies there, a file is changed, added or missing, or the model has no usable example.
    """
    with _verified(root, uri, digest) as copy:
        try:
            return example_request(copy)
        except ValueError as error:
            raise InputError("uri", uri, "a model with an input example", f"{error}. Train again.") from error


def verified_signature(root: ModelsRoot, uri: str, digest: str) -> Signature:
    """Verify what lies at ``uri`` and return what the model takes and answers.

    Raises:
        InputError: nothing lies there, or a file is changed, added or missing.
    """
    with _verified(root, uri, digest) as copy:
        return load_signature(copy)


@contextmanager
def _verified(root: ModelsRoot, uri: str, digest: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model"
        object_store.get_directory(root.readable(uri), copy, "uri")
        try:
            verify_checksums(copy, digest)
        except ChecksumError as error:
            raise InputError(
                "uri", uri, f"the model with digest {digest}", f"{error}. Remove the folder and register again."
            ) from error
        yield copy


def example_or_reason(uri: str, digest: str) -> tuple[dict[str, Any] | None, str]:
    """The same for a version that serves already, or why its example is not known, which must not stop its release."""
    try:
        return verified_example(models_root(), uri, digest), ""
    except InputError as error:
        return None, f"no probe was sent: {error}"
