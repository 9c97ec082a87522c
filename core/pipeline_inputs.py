"""The parameters that a compiled pipeline declares, and values for them that came as text. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.core.errors import InputError


@dataclass(frozen=True)
class Declared:
    """One parameter; ``kind`` is the parameterType of the compiled file."""

    kind: str
    required: bool


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "STRING": ("text", lambda value: isinstance(value, str)),
    "NUMBER_INTEGER": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "NUMBER_DOUBLE": (
        "a finite number",
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
    ),
    "BOOLEAN": ("true or false", lambda value: isinstance(value, bool)),
    "LIST": ("a list", lambda value: isinstance(value, list)),
    "STRUCT": ("an object", lambda value: isinstance(value, dict)),
}


def pipeline_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pipeline itself, from what the API keeps of an upload, which may have platform settings beside it."""
    inner: Mapping[str, Any] = spec.get("pipeline_spec") or spec
    return inner


def combined(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The documents of a compiled file as the API takes them: the second one holds platform settings."""
    if len(documents) == 1:
        return documents[0]
    return {"pipeline_spec": documents[0], "platform_spec": documents[1]}


def declared(spec: Mapping[str, Any]) -> dict[str, Declared]:
    """The parameters of a compiled pipeline, by name."""
    definitions = pipeline_of(spec).get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    return {
        name: Declared(
            kind=str(definition.get("parameterType", "STRING")),
            required="defaultValue" not in definition and not definition.get("isOptional", False),
        )
        for name, definition in definitions.items()
    }


def arguments(values: Mapping[str, Any], inputs: Mapping[str, Declared], pipeline: str) -> dict[str, Any]:
    """The values in the types that the pipeline declares; texts for other types are read as JSON.

    Raises:
        InputError: an unknown or missing parameter, or a value that cannot have its parameter's type.
    """
    unknown = sorted(set(values) - set(inputs))
    if unknown:
        raise InputError(
            unknown[0],
            values[unknown[0]],
            f"one of {sorted(inputs)}",
            f"{pipeline!r} has no such parameter: remove it.",
        )
    missing = [name for name, each in inputs.items() if each.required and name not in values]
    if missing:
        raise InputError(missing[0], None, "a value", f"{pipeline!r} has no default for it: give one.")
    return {name: _typed(name, value, inputs[name].kind) for name, value in values.items()}


def _typed(name: str, value: Any, kind: str) -> Any:
    expected, fits = _KINDS.get(kind, ("JSON", lambda value: True))
    if isinstance(value, str) and kind != "STRING":
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InputError(name, value, expected, f"The pipeline declares {name} as {kind}.") from error
    if not fits(value):
        raise InputError(name, value, expected, f"The pipeline declares {name} as {kind}.")
    return value
