"""Estimators by import path: which may be imported, and which parameters they take."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor

from kfp_lifecycle.core import settings
from kfp_lifecycle.core.errors import InputError

_PARAMETER = "estimator"
_EXAMPLE = 'Write for example {"max_iter": 60}.'


def parse_parameters(text: str) -> dict[str, Any]:
    """The parameters' one JSON object; whole numbers stay whole.

    Raises:
        InputError: not JSON, not an object, or a number that JSON does not have.
    """

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON")

    try:
        content = json.loads(text or "{}", parse_constant=refuse)
    except ValueError as error:
        raise InputError("parameters", text, f"one JSON object ({error})", _EXAMPLE) from None
    if not isinstance(content, dict):
        raise InputError("parameters", text, "a JSON object", _EXAMPLE)
    return content


def require_root(path: str) -> None:
    """Refuse a path outside the allowed import roots before anything of it is imported.

    Raises:
        InputError: names the root, the allowed ones and the setting.
    """
    allowed = settings.words(settings.IMPORT_ROOTS)
    if any(path == root or path.startswith((f"{root}.", f"{root}:")) for root in allowed):
        return
    root = path.replace(":", ".").split(".")[0]
    raise InputError(
        _PARAMETER,
        path,
        f"an import path below an allowed root; {root!r} is not among {', '.join(allowed)}",
        f"Add the root to the setting {settings.IMPORT_ROOTS}, or use an estimator below one of them.",
    )


def _near(name: str, known: Sequence[str]) -> str:
    found = get_close_matches(name, known, n=3, cutoff=0.5)
    return f"Did you mean: {', '.join(found)}?" if found else "Look up the import path in the library's documentation."


def import_attribute(module: str, name: str, path: str) -> Any:
    """What ``module`` calls ``name``.

    Raises:
        InputError: there is no such module or name.
    """
    try:
        holder = import_module(module)
    except ImportError as error:
        raise InputError(
            _PARAMETER, path, f"a module that can be imported ({error})", "Correct the path, or build an image with it."
        ) from error
    if not hasattr(holder, name):
        known = [each for each in dir(holder) if not each.startswith("_")]
        raise InputError(_PARAMETER, path, f"a name that {module} has", _near(name, known))
    return getattr(holder, name)


def import_estimator(path: str) -> type[Any]:
    """The scikit-learn estimator class at an import path.

    Raises:
        InputError: the path is not allowed, leads nowhere, or to something else.
    """
    require_root(path)
    module, _, name = path.rpartition(".")
    if not module:
        raise InputError(_PARAMETER, path, "a dotted import path", "Write for example sklearn.linear_model.Ridge.")
    found = import_attribute(module, name, path)
    if not (inspect.isclass(found) and issubclass(found, BaseEstimator)):
        raise InputError(
            _PARAMETER, path, "a scikit-learn estimator class", "Code of your own goes behind module:function."
        )
    # A module below an allowed root may hand on names of others.
    require_root(found.__module__)
    return found


def _valid_names(estimator: type[Any]) -> list[str]:
    names: list[str] = estimator._get_param_names()
    return names


def make_estimator(path: str, parameters: Mapping[str, Any], seed: int) -> Any:
    """An unfitted estimator; ``seed`` becomes its ``random_state`` unless the parameters set one.

    Raises:
        InputError: names the parameter that the estimator refuses and those that it takes.
    """
    kind = import_estimator(path)
    valid = _valid_names(kind)
    for name in parameters:
        if name not in valid:
            raise InputError(
                "parameters", name, f"a parameter of {kind.__name__}", f"It takes: {', '.join(valid) or 'none'}."
            )
    given = dict(parameters)
    if "random_state" in valid:
        given.setdefault("random_state", seed)
    try:
        estimator = kind(**given)
        if hasattr(kind, "_parameter_constraints"):
            # scikit-learn looks at values when it fits; here nothing has been spent yet.
            estimator._validate_params()
    except (TypeError, ValueError) as error:
        raise InputError(
            "parameters", dict(parameters), f"values that {kind.__name__} takes: {error}", "Correct the value."
        ) from error
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise InputError(_PARAMETER, path, "a classifier or a regressor", "Choose an estimator that predicts a label.")
    return estimator
