"""The files that make a model directory one of MLflow's too, written without MLflow.

With them ``mlflow.sklearn.load_model`` and ``mlflow models serve`` work on the directory as it is. The serving image
holds no MLflow and reads none of these.
"""

from __future__ import annotations

import json
import platform
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from kfp_lifecycle.core.signature import Column, Label, Signature

_PACKAGES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
_TYPES = {"number": "double", "integer": "long", "boolean": "boolean", "category": "string"}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def requirements(modules: Sequence[str] = ()) -> list[str]:
    """Pinned packages that the model needs to be loaded: ours, and those that hold the given top-level modules."""
    packages = set(_PACKAGES)
    if modules:
        owners = metadata.packages_distributions()
        packages.update(owners[module][0] for module in modules if module in owners)
    return [f"{package}=={_version(package)}" for package in sorted(packages) if _version(package)]


def _input(column: Column) -> dict[str, Any]:
    # An integer column that may be missing reaches pandas as floating point.
    kind = "double" if column.type == "integer" and column.nullable else _TYPES[column.type]
    return {"type": kind, "name": column.name, "required": not column.nullable}


def _output(classes: Sequence[Label] | None) -> dict[str, Any]:
    kinds = {type(value) for value in classes} if classes else {float}
    kind = (
        {bool: "boolean", int: "long", str: "string"}.get(next(iter(kinds)), "double") if len(kinds) == 1 else "string"
    )
    return {"type": kind, "required": True}


def write_mlmodel(directory: str | Path, signature: Signature, types: Sequence[str], pins: Sequence[str]) -> None:
    """Write ``MLmodel``, ``requirements.txt`` and ``python_env.yaml``.

    Args:
        directory: the model directory, ``model.skops`` already in it.
        signature: the model's inputs and answer.
        types: the skops types to trust, already checked against our own list.
        pins: requirement lines.
    """
    root = Path(directory)
    python = platform.python_version()
    content = {
        "flavors": {
            "python_function": {
                "env": {"virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.sklearn",
                "model_path": "model.skops",
                "predict_fn": "predict",
                "python_version": python,
            },
            "sklearn": {
                "code": None,
                "pickled_model": "model.skops",
                "serialization_format": "skops",
                "skops_trusted_types": list(types),
                "sklearn_version": _version("scikit-learn"),
            },
        },
        "mlflow_version": _version("mlflow-skinny") or "3.17.2",
        "model_size_bytes": (root / "model.skops").stat().st_size,
        "model_uuid": uuid.uuid4().hex,
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "type": "dataframe",
        },
        "signature": {
            "inputs": json.dumps([_input(column) for column in signature.columns]),
            "outputs": json.dumps([_output(signature.classes)]),
            "params": None,
        },
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    # JSON is YAML, and needs no YAML library in the image.
    (root / "MLmodel").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    mlflow = _version("mlflow-skinny")
    lines = [*pins, f"mlflow=={mlflow}"] if mlflow else list(pins)
    (root / "requirements.txt").write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
    environment = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    (root / "python_env.yaml").write_text(json.dumps(environment, indent=2) + "\n", encoding="utf-8")
