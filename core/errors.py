"""The error that a user can cause and repair."""

from __future__ import annotations

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
