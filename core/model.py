"""A model directory: written whole, sealed by checksums, and loaded only after both are checked."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.core import mlmodel
from kfp_lifecycle.core.checksums import verify_checksums, write_checksums
from kfp_lifecycle.core.signature import (
    Column,
    Signature,
    json_value,
    load_signature,
    save_signature,
)
from kfp_lifecycle.core.trees import ForgedTreeError, check_trees
from kfp_lifecycle.core.trust import UntrustedTypeError, check_types

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Column",
    "ForgedTreeError",
    "ModelFileError",
    "Signature",
    "UntrustedTypeError",
    "load_model",
    "load_signature",
    "save_model",
]

MODEL_FILE = "model.skops"
TYPES_FILE = "trusted.json"
EXAMPLE_FILE = "input_example.json"
EXAMPLE_ROWS = 5
_PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")
_OWN_ROOTS = ("functools", "numpy", "scipy", "sklearn")


class ModelFileError(ValueError):
    """A model directory holds what must not be loaded, or a model that cannot be saved."""


def _refuse_pickles(root: Path) -> None:
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            start = file.read(2)
        # Every pickle since protocol 2 starts with 0x80 and its protocol number, whatever the file is called.
        if path.suffix.lower() in _PICKLES or (len(start) == 2 and start[0] == 0x80 and start[1] <= 5):
            name = path.relative_to(root).as_posix()
            raise ModelFileError(f"{name} is a pickle, which can run any code when it is loaded: expected none")


def _example_value(value: Any, column: Column) -> Any:
    """An input as a request holds it: model inputs are floats, but a server expects true or false and whole numbers."""
    plain = json_value(value)
    if plain is None:
        return None
    return bool(plain) if column.type == "boolean" else int(plain) if column.type == "integer" else plain


def _write_example(root: Path, example: pd.DataFrame, signature: Signature) -> None:
    inputs = example[signature.names].head(EXAMPLE_ROWS)
    rows = [
        [_example_value(value, column) for value, column in zip(row, signature.columns, strict=True)]
        for row in inputs.itertuples(index=False)
    ]
    content = {"columns": signature.names, "data": rows}
    (root / EXAMPLE_FILE).write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def save_model(directory: str | Path, pipeline: Any, signature: Signature, example: pd.DataFrame) -> str:
    """Write a model directory and seal it; what lies there already (``profile/``) is sealed with it.

    Args:
        directory: made when absent.
        pipeline: a fitted scikit-learn estimator that takes a DataFrame with the signature's columns.
        signature: the model's inputs and answer.
        example: rows of the inputs; the first five are kept.

    Returns:
        The model digest.

    Raises:
        UntrustedTypeError: the model holds types that are not on our list.
        ModelFileError: skops cannot save the model.
    """
    import skops.io

    root = Path(directory)
    root.mkdir(parents=True, exist_ok=True)
    try:
        # Trees shrink to a fifth even at the fastest level, and a model travels more often than it is saved.
        content = skops.io.dumps(pipeline, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    except (TypeError, AttributeError, NotImplementedError) as error:
        raise ModelFileError(f"skops cannot save {type(pipeline).__name__}: {error}") from error
    types = check_types(skops.io.get_untrusted_types(data=content))
    (root / MODEL_FILE).write_bytes(content)
    (root / TYPES_FILE).write_text(json.dumps(types, indent=2) + "\n", encoding="utf-8")
    save_signature(signature, root)
    _write_example(root, example, signature)
    modules = {name.split(".")[0] for name in types} - set(_OWN_ROOTS)
    mlmodel.write_mlmodel(root, signature, types, mlmodel.requirements(sorted(modules)))
    return write_checksums(root)


def load_model(directory: str | Path, expected_digest: str = "") -> Any:
    """The fitted scikit-learn pipeline of a model directory, which takes a DataFrame with the signature's columns.

    The types in the file are compared with our own list (and ``KFP_LIFECYCLE_TRUSTED_TYPES``); the list that the
    directory brings along decides nothing.

    Raises:
        ChecksumError: a file is missing, changed or added, or the digest is not ``expected_digest``.
        ModelFileError: the directory holds a pickle, or ``model.skops`` cannot be read.
        UntrustedTypeError: the file holds a type that is not on the list.
        ForgedTreeError: a tree points outside itself.
    """
    root = Path(directory)
    _refuse_pickles(root)
    verify_checksums(root, expected_digest)
    # After the checks, so that a spoiled directory is refused before seconds go into the import.
    import skops.io

    # Read once: what is audited is what is loaded.
    try:
        content = (root / MODEL_FILE).read_bytes()
        found = skops.io.get_untrusted_types(data=content)
    except FileNotFoundError:
        raise ModelFileError(f"{MODEL_FILE} is missing from the model directory {root.name!r}") from None
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ModelFileError(f"{MODEL_FILE} is not a skops file: {error}") from error
    model = skops.io.loads(content, trusted=check_types(found))
    check_trees(model)
    return model
