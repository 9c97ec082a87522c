"""The answer to a request that the client has to repair."""

from __future__ import annotations

_SHOWN = 60

MALFORMED = 400
TOO_LARGE = 413
NOT_JSON = 415
BAD_VALUES = 422
OVERLOADED = 503


class Refusal(Exception):
    """A request that is answered with a client error.

    Attributes:
        status: the HTTP code. 400: the body does not follow the protocol. 422: it does, but its values do not
            follow the model's signature.
        message: one sentence that names the column and the row where there is one.
    """

    def __init__(self, message: str, status: int = MALFORMED) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def shown(value: object) -> str:
    """A value from a request as it may stand in a message: short, on one line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
