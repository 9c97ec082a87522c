"""Which columns of the labels' table meet which columns of the rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import REQUEST_ID, ROW

_LOGGED = (REQUEST_ID, ROW)


def label_keys(named: Sequence[str], in_labels: Collection[str], in_rows: Collection[str]) -> dict[str, str]:
    """The columns to join by, those of the labels' table with those of the rows.

    ``theirs=ours`` says both. A name alone is that of both sides where the rows have such a column. Of the names
    that they do not have, the first holds the request's id, and the second the number of the row in the request.

    Raises:
        InputError: a side lacks a column, or there are more names than that.
    """
    if not named:
        raise InputError(
            "labels_id",
            list(named),
            "the columns that tell to which row a label belongs",
            "Name the column of request ids, or one that rows and labels share.",
        )
    keys: dict[str, str] = {}
    free = [name for name in _LOGGED if name in in_rows]
    for name in named:
        theirs, equals, ours = (name, "", "") if name in in_labels else name.partition("=")
        if theirs not in in_labels:
            raise unknown_column("labels_id", theirs, in_labels, "the labels' table")
        if equals and ours not in in_rows:
            raise unknown_column("labels_id", ours, in_rows, "the rows")
        if not equals and theirs in in_rows:
            ours = theirs
        elif not equals and free:
            ours = free[0]
        elif not equals:
            raise unknown_column("labels_id", theirs, in_rows, "the rows")
        if theirs in keys or ours in keys.values():
            raise InputError("labels_id", list(named), "columns that are named once", "Leave one of the two out.")
        free = [column for column in free if column != ours]
        keys[theirs] = ours
    return keys
