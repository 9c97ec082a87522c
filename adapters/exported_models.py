"""The exported model, checked byte for byte before it is released."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.core.checksums import ChecksumError, verify_checksums
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.example_request import example_request
from kfp_lifecycle.core.models_root import ModelsRoot


def verified_example(root: ModelsRoot, uri: str, digest: str) -> dict[str, Any]:
    """Verify what lies at ``uri`` and return the model's own example as a request.

    Raises:
        InputError: nothing lies there, a file is changed, added or missing, or the model has no usable example.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model"
        object_store.get_directory(root.readable(uri), copy, "uri")
        try:
            verify_checksums(copy, digest)
        except ChecksumError as error:
            raise InputError(
                "uri", uri, f"the model with digest {digest}", f"{error}. Remove the folder and register again."
            ) from error
        try:
            return example_request(copy)
        except ValueError as error:
            raise InputError("uri", uri, "a model with an input example", f"{error}. Train again.") from error
