"""Event times, whatever their spelling, as instants in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

_WITH_ZONE = r"\d\d:\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"


def to_instants(column: pa.Array, name: str) -> pa.Array:
    """The column as times in UTC to the microsecond, rounded down; a time without a zone is UTC, null stays null.

    Raises:
        InputError: the column is neither of dates and times nor of ISO 8601 text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    utc = pa.timestamp("us", "UTC")
    if types.is_null(column.type):
        return column.cast(utc)
    if types.is_date(column.type):
        return column.cast(pa.timestamp("us")).cast(utc)
    if types.is_timestamp(column.type):
        if column.type.unit == "ns":
            # A plain cast rounds times before 1970 up, over the edge of a window.
            column = pc.floor_temporal(column, unit="microsecond")
        return column.cast(utc)
    if types.is_string(column.type):
        try:
            return parse_times(column)
        except pa.ArrowInvalid as error:
            raise _not_a_time(name, str(error)) from error
    raise _not_a_time(name, str(column.type))


def parse_times(column: pa.Array) -> pa.Array:
    """ISO 8601 text as instants; raises ``pyarrow.ArrowInvalid`` at the first text that is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(column)
    zoned = pc.fill_null(pc.match_substring_regex(trimmed, _WITH_ZONE), False)
    nothing = pa.scalar(None, pa.string())
    utc = pa.timestamp("us", "UTC")
    with_zone = pc.if_else(zoned, trimmed, nothing).cast(utc)
    without = pc.if_else(zoned, nothing, trimmed).cast(pa.timestamp("us")).cast(utc)
    return pc.coalesce(with_zone, without)


def inside(instants: pa.Array, window: Window) -> pa.Array:
    """Which instants lie in the window; null lies nowhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    start, end = (pa.scalar(edge, pa.timestamp("us", "UTC")) for edge in (window.start, window.end))
    return pc.fill_null(pc.and_(pc.greater_equal(instants, start), pc.less(instants, end)), False)


def _not_a_time(name: str, found: str) -> InputError:
    return InputError(
        "time_column", name, f"dates, times or ISO 8601 text, found {found}", "Convert the column in the source."
    )
