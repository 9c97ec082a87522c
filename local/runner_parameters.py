"""The arguments of a run, from command-line texts and a file, by the types in the compiled pipeline."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.runner_specification import Input

# A step's inputs and its source are one string of an argument list, and Linux allows 128 KiB for one string.
LARGEST_BYTES = 65_536


def parse_assignments(texts: Sequence[str], inputs: Mapping[str, Input]) -> dict[str, Any]:
    """Values from ``name=text`` texts.

    Raises:
        InputError: a text without ``=``, an unknown name, or a text that is no value of the parameter's type.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise InputError("--param", text, "NAME=VALUE", "Write for example --param seed=1.")
        if name in values:
            raise InputError(name, value, "one value", f"Give --param {name}=... once.")
        values[name] = parse_text(name, value, _known(name, inputs).kind)
    return values


def load_params_file(path: str | Path) -> dict[str, Any]:
    """Values from a YAML or JSON file that holds one mapping.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            "--params-file", str(path), f"a readable YAML or JSON file ({type(error).__name__})", "Check the path."
        ) from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise InputError("--params-file", str(path), "one mapping of names to values", "Write lines 'name: value'.")
    return content


def check_arguments(values: Mapping[str, Any], inputs: Mapping[str, Input]) -> dict[str, Any]:
    """The arguments, if every required one is there and each has its parameter's type.

    Raises:
        InputError: an unknown or missing parameter, a value of another type, or more than 64 KiB in all.
    """
    arguments = {name: _checked(name, value, _known(name, inputs).kind) for name, value in values.items()}
    missing = [name for name, parameter in inputs.items() if parameter.required and name not in arguments]
    if missing:
        raise InputError(missing[0], None, "a value", f"Give {' '.join(f'--param {name}=...' for name in missing)}.")
    size = len(json.dumps(arguments).encode())
    if size > LARGEST_BYTES:
        largest = max(arguments, key=lambda name: len(json.dumps(arguments[name])))
        raise InputError(
            largest,
            arguments[largest],
            f"at most {LARGEST_BYTES} bytes of parameters in all, not {size}",
            "Parameters travel in an argument list: put the data in a file and give its address.",
        )
    return arguments


def parse_text(name: str, text: str, kind: str) -> Any:
    """The value that a command-line text stands for.

    Raises:
        InputError: the text is no value of this type.
    """
    if kind == "STRING":
        return text
    expected, parse = _PARSERS.get(kind, ("JSON", json.loads))
    try:
        value = parse(text)
    except (ValueError, KeyError) as error:
        raise InputError(name, text, expected, f"Write --param {name}={_EXAMPLES.get(kind, '...')}") from error
    return _checked(name, value, kind)


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.strip().lower()]


_PARSERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "NUMBER_INTEGER": ("a whole number", int),
    "NUMBER_DOUBLE": ("a number", float),
    "BOOLEAN": ("true or false", _boolean),
    "LIST": ("a list as JSON", json.loads),
    "STRUCT": ("an object as JSON", json.loads),
}
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "STRING": ("text", (str,)),
    "NUMBER_INTEGER": ("a whole number", (int,)),
    "NUMBER_DOUBLE": ("a finite number", (int, float)),
    "BOOLEAN": ("true or false", (bool,)),
    "LIST": ("a list", (list,)),
    "STRUCT": ("an object", (dict,)),
}
_EXAMPLES = {
    "NUMBER_INTEGER": "3",
    "NUMBER_DOUBLE": "0.5",
    "BOOLEAN": "true",
    "LIST": '\'["a", "b"]\'',
    "STRUCT": "'{\"a\": 1}'",
}


def _known(name: str, inputs: Mapping[str, Input]) -> Input:
    if name in inputs:
        return inputs[name]
    near = difflib.get_close_matches(name, inputs, n=1)
    hint = f"Did you mean {near[0]}?" if near else "See the head of the compiled file."
    raise InputError("--param", name, f"one of {sorted(inputs)}", hint)


def _checked(name: str, value: Any, kind: str) -> Any:
    expected, types = _TYPES.get(kind, ("JSON", (object,)))
    right = isinstance(value, types) and (kind == "BOOLEAN" or not isinstance(value, bool))
    if not right or (isinstance(value, float) and not math.isfinite(value)):
        raise InputError(name, value, expected, f"The pipeline declares {name} as {kind}.")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(name, value, f"{expected} of JSON values", "Write dates in quotes.") from error
    return value
