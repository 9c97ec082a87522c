"""Pages of lists: sorted by a field and the id, continued behind the last row that was shown.

A row that is added or deleted between two pages therefore neither repeats nor hides another one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kfp_lifecycle.local.kfp_api import errors, filters, rows
from kfp_lifecycle.local.kfp_api.columns import Column, Listing
from kfp_lifecycle.local.kfp_api.messages import loaded

_DEFAULT_SIZE, _LARGEST_SIZE = 20, 200
_LONGEST_TOKEN = 4096

Row = TypeVar("Row")


@dataclass(frozen=True)
class Token:
    """Where a list goes on.

    Attributes:
        query: digest of what is listed, filtered and sorted by.
        value: of the sorted field in the last row that was shown.
    """

    query: str
    value: str | float
    identity: str


def encode(token: Token) -> str:
    """The token as clients get it."""
    text = json.dumps([token.query, token.value, token.identity], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode(text: str) -> Token:
    """The token that :func:`encode` made.

    Raises:
        ApiError: 400, it is none.
    """
    wrong = errors.invalid("invalid page token; take next_page_token of the page before")
    if len(text) > _LONGEST_TOKEN:
        raise wrong
    try:
        query, value, identity = loaded(base64.b64decode(text, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise wrong from error
    numeric = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18
    if not (isinstance(query, str) and isinstance(identity, str) and (isinstance(value, str) or numeric)):
        raise wrong
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong
    return Token(query, value, identity)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page; ``total`` counts the rows of all pages."""

    rows: list[Row]
    total: int
    next_token: str


def page(
    connection: sqlite3.Connection,
    listing: Listing,
    kind: type[Row],
    query: Mapping[str, str],
    *,
    where: str = "1",
    values: Sequence[Any] = (),
) -> Page[Row]:
    """The page that the query parameters page_size, page_token, sort_by and filter ask for.

    Args:
        where: restricts the list further, with ``values``.

    Raises:
        ApiError: 400, a parameter is wrong or the token belongs to another query.
    """
    size = _size(query.get("page_size", ""))
    column, descending = _order(query.get("sort_by", ""), listing)
    condition, filtered = filters.condition(query.get("filter", ""), listing)
    restricted, used = f"({where}) AND ({condition})", [*values, *filtered]
    digest = hashlib.sha256(repr((listing.table, restricted, used, column.sql, descending)).encode()).hexdigest()[:24]
    behind, after = "1", []
    if text := query.get("page_token", ""):
        token = decode(text)
        if token.query != digest:
            raise errors.invalid("the page token does not match the supplied sort by and/or filtering criteria")
        behind = f"({column.sql}, id) {'<' if descending else '>'} (?, ?)"
        after = [token.value, token.identity]
    direction = "DESC" if descending else "ASC"
    total = connection.execute(f"SELECT COUNT(*) FROM {listing.table} WHERE {restricted}", used).fetchone()[0]
    found = rows.select(
        connection,
        listing.table,
        kind,
        f"WHERE {restricted} AND {behind} ORDER BY {column.sql} {direction}, id {direction} LIMIT ?",
        [*used, *after, size + 1],
        instead=listing.instead,
    )
    shown, following = found[:size], ""
    if len(found) > size:
        last = getattr(shown[-1], "id")  # noqa: B009 - rows of every table have one
        at = f"SELECT {column.sql} FROM {listing.table} WHERE id = ?"
        following = encode(Token(digest, connection.execute(at, (last,)).fetchone()[0], last))
    return Page(shown, total, following)


def _size(text: str) -> int:
    try:
        size = int(text or 0)
    except ValueError as error:
        raise errors.invalid(f"page_size is no whole number: {text[:100]!r}") from error
    if size < 0:
        raise errors.invalid(f"the page size should be greater than 0. Got {size}")
    return min(size or _DEFAULT_SIZE, _LARGEST_SIZE)


def _order(text: str, listing: Listing) -> tuple[Column, bool]:
    words = text.lower().split()
    if len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
        raise errors.invalid(
            f'received invalid sort by format {text[:100]!r}. Supported format: "field_name", "field_name desc", '
            'or "field_name asc"'
        )
    name = words[0] if words else "created_at"
    column = listing.columns.get(name)
    if column is None:
        known = ", ".join(sorted(listing.columns))
        raise errors.invalid(f"invalid sorting field {name[:100]!r} of a {listing.unit}; known are {known}")
    return column, words[1:] == ["desc"]
