"""Shards: runs of rows of a table that are predicted apart and put together again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kfp_lifecycle.core.errors import InputError

# A loop's items travel as one parameter of a workflow, and each becomes a pod.
MOST_SHARDS = 500
_NAME = re.compile(r"(\d{1,18})-(\d{1,18})")


@dataclass(frozen=True)
class Shard:
    """The rows from ``start`` up to but not including ``end``, counted from 0 over the whole table."""

    start: int
    end: int

    @property
    def rows(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        """``start-end``, as a loop's item holds it."""
        return f"{self.start}-{self.end}"


def cut(rows: int, rows_per_shard: int) -> tuple[Shard, ...]:
    """Shards of ``rows_per_shard`` rows in order, the last of them shorter; at least one, even without rows.

    Raises:
        InputError: a shard would hold no row, or there would be more than 500.
    """
    if rows_per_shard < 1:
        raise InputError("rows_per_shard", rows_per_shard, "a whole number from 1 up", "Write for example 250000.")
    count = max(1, -(-rows // rows_per_shard))
    if count > MOST_SHARDS:
        raise InputError(
            "rows_per_shard",
            rows_per_shard,
            f"at most {MOST_SHARDS} shards, which would be {count} of {rows} rows",
            f"Write {-(-rows // MOST_SHARDS)} or more.",
        )
    return tuple(Shard(number * rows_per_shard, min((number + 1) * rows_per_shard, rows)) for number in range(count))


def parse_shard(text: str, known: Iterable[Shard]) -> Shard:
    """Read ``start-end``.

    Raises:
        InputError: it is not one of the plan's.
    """
    match = _NAME.fullmatch(text.strip())
    found = Shard(int(match[1]), int(match[2])) if match else None
    if found is None or found not in known:
        raise InputError("shard", text, "a shard of the plan, such as 0-250000", "Loop over what shard returned.")
    return found
