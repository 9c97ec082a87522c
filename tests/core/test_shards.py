"""Where a table is cut for batch prediction."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.shards import MOST_SHARDS, Shard, cut, parse_shard


@given(rows=st.integers(0, 10**9), count=st.integers(1, MOST_SHARDS))
def test_shards_hold_each_row_once_and_in_order(rows: int, count: int) -> None:
    shards = cut(rows, max(1, -(-rows // count)))
    assert 1 <= len(shards) <= count
    assert shards[0].start == 0 and shards[-1].end == rows
    assert all(one.end == other.start for one, other in pairwise(shards))
    assert all(shard.rows > 0 for shard in shards) or rows == 0


@given(rows=st.integers(1, 10**12), rows_per_shard=st.integers(1, 10**12))
def test_too_many_shards_are_refused_and_the_remedy_works(rows: int, rows_per_shard: int) -> None:
    try:
        assert len(cut(rows, rows_per_shard)) <= MOST_SHARDS
    except InputError as error:
        assert rows / rows_per_shard > MOST_SHARDS
        assert len(cut(rows, int(error.remedy.split()[1]))) <= MOST_SHARDS


def test_a_shard_reads_back_from_its_text() -> None:
    shards = cut(25, 10)
    assert [parse_shard(str(shard), shards) for shard in shards] == list(shards)
    assert shards == (Shard(0, 10), Shard(10, 20), Shard(20, 25))


@pytest.mark.parametrize("text", ["", "0", "0-9", "10-0", "-1-10", "0-10-20", "a-b", "٠-١٠x", "9" * 30 + "-1"])
def test_what_is_no_shard_of_the_plan_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected a shard of the plan"):
        parse_shard(text, cut(25, 10))
