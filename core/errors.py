"""The error that a user can cause and repair."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_SHOWN = 200


class InputError(ValueError):
    """Names the parameter, the value, what was expected and what to do; nothing was changed when it is raised."""

    def __init__(self, parameter: str, value: object, expected: str, remedy: str) -> None:
        self.parameter = parameter
        self.value = value
        self.expected = expected
        self.remedy = remedy
        shown = repr(value)
        if len(shown) > _SHOWN:
            shown = shown[:_SHOWN] + "..."
        super().__init__(f"{parameter}={shown}: expected {expected}. {remedy}")


_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def step_entry(entry: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """A step's entry function: its InputError is printed as one line, and raised without the errors that led to it.

    So the pod's log starts with what to repair, and its traceback ends with it.
    """

    @functools.wraps(entry)
    def told(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return entry(*args, **kwargs)
        except InputError as error:
            print(f"error: {error}", flush=True)
            raise error from None

    return told
