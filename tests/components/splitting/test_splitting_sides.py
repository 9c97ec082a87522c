"""Which rows are held out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.components.splitting.sides import by_chance, by_class, by_order, overlap
from kfp_lifecycle.core.rows import positions, row_hashes

fractions = st.floats(0.01, 0.99)
whole = st.integers(-(2**63), 2**63 - 1)
few = st.lists(st.integers(0, 8), min_size=2, max_size=60)


def hashed(values: list[int]) -> np.ndarray:
    return row_hashes(pa.table({"a": pa.array(values, pa.int64())}), ["a"])


@given(values=few, fraction=fractions, seed=st.integers())
def test_equal_rows_are_never_parted_by_chance(values, fraction, seed):
    hashes = hashed(values)
    assert overlap(hashes, by_chance(hashes, fraction, seed)) == 0


@given(values=st.lists(whole, min_size=1, max_size=60), more=st.lists(whole), seed=st.integers())
def test_a_row_keeps_its_side_when_rows_are_added_or_moved(values, more, seed):
    before = dict(zip(values, by_chance(hashed(values), 0.3, seed).tolist(), strict=True))
    after = dict(zip(more + values, by_chance(hashed(more + values), 0.3, seed).tolist(), strict=True))
    assert before.items() <= after.items()


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", [0, 1, -1, 2**70])
def test_chance_holds_out_the_share_asked_for(fraction, seed):
    held = by_chance(hashed(list(range(20_000))), fraction, seed)
    assert abs(held.mean() - fraction) < 4 * np.sqrt(fraction * (1 - fraction) / 20_000)


def test_another_seed_gives_an_unrelated_parting():
    hashes = hashed(list(range(20_000)))
    first, second = (by_chance(hashes, 0.5, seed) for seed in (0, 1))
    assert abs((first == second).mean() - 0.5) < 0.02
    assert abs(np.corrcoef(positions(hashes, 0), positions(hashes, 1))[0, 1]) < 0.03


@given(values=few, fraction=fractions, seed=st.integers(), data=st.data())
@settings(max_examples=200)
def test_classes_are_shared_out_within_rounding_and_equal_rows_stay_together(values, fraction, seed, data):
    hashes = hashed(values)
    # Equal rows have one class, because their class is part of them.
    classes = hashed([value % 3 for value in values])
    held = by_class(hashes, classes, fraction, seed)
    assert overlap(hashes, held) == 0
    for value in np.unique(classes):
        members = classes == value
        assert not held[members].all()
        if len(np.unique(hashes[members])) == members.sum() > 1:
            wanted = min(round(fraction * members.sum()), members.sum() - 1)
            assert held[members].sum() == wanted


@given(values=st.lists(st.integers(-5, 5), min_size=2, max_size=60), fraction=fractions)
def test_the_latest_are_held_out_and_ties_stay_together(values, fraction):
    times = np.array(values, dtype="datetime64[D]")
    held = by_order(times, fraction)
    if len(set(values)) == 1:
        assert not held.any()
        return
    assert times[~held].max() < times[held].min()
    # No other cut between different times comes nearer to the share asked for.
    wanted = round(fraction * len(values))
    cuts = [int((times >= time).sum()) for time in sorted(set(times.tolist()))[1:] for time in [np.datetime64(time)]]
    assert abs(int(held.sum()) - wanted) == min(abs(cut - wanted) for cut in cuts)


def test_an_overlap_is_counted():
    assert overlap(hashed([1, 2, 2, 3, 3]), np.array([True, True, False, False, True])) == 2
