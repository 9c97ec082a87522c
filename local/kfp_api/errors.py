"""Refusals as google.rpc.Status, with the HTTP status that KFP's gateway gives them."""

from __future__ import annotations

from typing import Any

# gRPC codes, which `code` in the body means.
(
    _INVALID,
    _DEADLINE,
    _NOT_FOUND,
    _EXISTS,
    _DENIED,
    _EXHAUSTED,
    _PRECONDITION,
    _UNIMPLEMENTED,
    _INTERNAL,
    _UNAUTHENTICATED,
) = (
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    12,
    13,
    16,
)


class ApiError(Exception):
    """A refusal that the client sees."""

    def __init__(self, status: int, code: int, message: str, *, closes: bool = False) -> None:
        super().__init__(message)
        self.headers = {"Connection": "close"} if closes else {}
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, Any]:
        """The google.rpc.Status."""
        return {"code": self.code, "message": self.message, "details": []}


def invalid(message: str) -> ApiError:
    """400: the request is wrong whatever the state of things."""
    return ApiError(400, _INVALID, message)


def precondition(message: str) -> ApiError:
    """400: something else has to be done first."""
    return ApiError(400, _PRECONDITION, message)


def unauthenticated(message: str) -> ApiError:
    """401."""
    return ApiError(401, _UNAUTHENTICATED, message)


def denied(message: str) -> ApiError:
    """403."""
    return ApiError(403, _DENIED, message)


def not_found(kind: str, identity: str) -> ApiError:
    """404."""
    return ApiError(404, _NOT_FOUND, f"{kind} {identity} not found")


def taken(kind: str, name: str) -> ApiError:
    """409."""
    return ApiError(409, _EXISTS, f"a {kind} named {name!r} already exists; give another name")


def too_large(limit: int) -> ApiError:
    """413."""
    return ApiError(413, _EXHAUSTED, f"the request is larger than {limit} bytes")


def unread(status: int, message: str) -> ApiError:
    """400, 408 or 413: the body was not read to its end, and the connection is of no more use."""
    return ApiError(status, {408: _DEADLINE, 413: _EXHAUSTED}.get(status, _INVALID), message, closes=True)


def unimplemented(what: str) -> ApiError:
    """501: KFP has it, this stand-in does not."""
    return ApiError(501, _UNIMPLEMENTED, f"the local KFP API does not serve {what}")


def internal() -> ApiError:
    """500; the cause is in the log."""
    return ApiError(500, _INTERNAL, "internal error, see logs/kfp.log of the local cluster")
