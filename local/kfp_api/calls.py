"""One request as the functions that answer it see it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from kfp_lifecycle.local.kfp_api import errors, messages
from kfp_lifecycle.local.kfp_api.access import Caller

Found = TypeVar("Found")


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        ids: the parts of its path, by name.
        raw: the body; of an upload, the file in it.
        file: name of the uploaded file.
        wake: tells the executor that there is something to do.
    """

    connection: sqlite3.Connection
    caller: Caller
    ids: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    file: str = ""
    wake: Callable[[], None] = lambda: None

    @cached_property
    def message(self) -> dict[str, Any]:
        """The body's message.

        Raises:
            ApiError: 400, it is none.
        """
        return messages.parsed(self.raw)

    def visible(self, found: Found | None, kind: str, identity: str) -> Found:
        """What was found, if it is there and the caller's; its ``namespace`` tells.

        Raises:
            ApiError: 404.
        """
        if found is None or not self.caller.sees(getattr(found, "namespace")):  # noqa: B009
            raise errors.not_found(kind, identity)
        return found


Answer = Callable[[Call], dict[str, Any]]
