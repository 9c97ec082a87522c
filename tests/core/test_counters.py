"""Are raw counters turned into the requests of a period, whatever processes restart, vanish or appear meanwhile?"""

from __future__ import annotations

import math
from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.counters import NEWCOMER, ArmCounts, ArmSnapshot, Snapshot, counted

EMPTY = ArmSnapshot()
names = st.sampled_from(["pod-1", "pod-2", "pod-3"])
values = st.one_of(st.integers(0, 10**6).map(float), st.floats(allow_nan=True, allow_infinity=True))
series = st.dictionaries(names, values)
arms = st.builds(ArmSnapshot, requests=series, errors=series, timed=series, fast=series, refused=series)
# Small enough for a newcomer of several periods to be plausible.
steps = st.dictionaries(names, st.integers(0, 100))


def difference(before: ArmSnapshot, after: ArmSnapshot) -> ArmCounts:
    counts, _, _ = counted(Snapshot(before, EMPTY), Snapshot(after, EMPTY))
    return counts


def requests(before: dict[str, float], after: dict[str, float]) -> int:
    return difference(ArmSnapshot(requests=before), ArmSnapshot(requests=after)).requests


def test_series_are_differenced_and_then_summed() -> None:
    assert requests({"a": 10, "b": 100}, {"a": 15, "b": 101}) == 6


def test_each_arm_has_its_own_counts() -> None:
    before = Snapshot(ArmSnapshot(requests={"a": 1.0}), ArmSnapshot(requests={"a": 100.0}))
    after = Snapshot(ArmSnapshot(requests={"a": 3.0}), ArmSnapshot(requests={"a": 150.0}))
    canary, stable, memory = counted(before, after)
    assert (canary.requests, stable.requests, memory) == (2, 50, after)


def test_after_a_restart_everything_is_new() -> None:
    # Of the sum, 110 to 22, no restart could be told from a loss.
    assert requests({"a": 10, "b": 100}, {"a": 15, "b": 7}) == 12


def test_a_series_that_appears_counts_from_zero() -> None:
    assert requests({"a": 10}, {"a": 10, "b": 4}) == 4


def test_the_first_series_of_an_arm_counts_from_zero_whatever_its_value() -> None:
    assert requests({}, {"a": 2_000_000}) == 2_000_000


def test_an_old_series_that_was_not_read_before_adds_nothing_and_counts_from_its_value_on() -> None:
    first, late, later = (
        Snapshot(EMPTY, ArmSnapshot(requests=each, errors={name: value // 2 for name, value in each.items()}))
        for each in ({"a": 10.0}, {"a": 110.0, "b": 2_000_000.0}, {"a": 110.0, "b": 2_000_006.0})
    )
    _, stable, memory = counted(first, late)
    assert stable == ArmCounts(100, 50, 0, 0)
    _, stable, _ = counted(memory, later)
    assert stable == ArmCounts(6, 3, 0, 0)


def test_an_old_histogram_that_was_not_read_before_adds_nothing() -> None:
    before = ArmSnapshot(requests={"a": 0}, timed={"a": 0}, fast={"a": 0})
    after = ArmSnapshot(requests={"a": 9}, timed={"a": 9, "b": 5000}, fast={"a": 8, "b": 90})
    assert difference(before, after) == ArmCounts(9, 0, 9, 1)


def test_a_newcomer_counts_from_zero_up_to_a_multiple_of_what_the_known_series_counted() -> None:
    grown_by = 500
    bound = NEWCOMER * grown_by
    assert requests({"a": 7}, {"a": 7 + grown_by, "b": bound}) == grown_by + bound
    assert requests({"a": 7}, {"a": 7 + grown_by, "b": bound + 1}) == grown_by
    assert requests({"a": 7}, {"a": 7, "b": 1000}) == 1000
    assert requests({"a": 7}, {"a": 7, "b": 1001}) == 0


def test_a_canary_that_suddenly_fails_at_everything_is_seen_beside_a_busy_stable_arm() -> None:
    before = Snapshot(ArmSnapshot(requests={"2xx": 50_000}), ArmSnapshot(requests={"2xx": 50_000}))
    failed = ArmSnapshot(requests={"2xx": 50_000, "5xx": 6000}, errors={"5xx": 6000})
    canary, _, _ = counted(before, Snapshot(failed, ArmSnapshot(requests={"2xx": 56_000})))
    assert canary == ArmCounts(6000, 6000, 0, 0)


def test_refused_answers_are_counted_beside_errors() -> None:
    before = ArmSnapshot(requests={"2": 10, "4": 1, "5": 2}, errors={"5": 2}, refused={"4": 1})
    after = ArmSnapshot(requests={"2": 11, "4": 41, "5": 5}, errors={"5": 5}, refused={"4": 41})
    assert difference(before, after) == ArmCounts(44, 3, 0, 0, refused=40)


def test_a_restart_that_only_the_refused_show_holds_for_the_requests() -> None:
    before = ArmSnapshot(requests={"a": 100}, refused={"a": 90})
    assert difference(before, ArmSnapshot(requests={"a": 120}, refused={"a": 80})) == ArmCounts(120, 0, 0, 0, 80)


def test_a_series_that_vanishes_adds_nothing_and_its_return_does_not_count_twice() -> None:
    first, gone, back = (Snapshot(ArmSnapshot(requests=each), EMPTY) for each in ({"a": 10.0}, {}, {"a": 12.0}))
    canary, _, memory = counted(first, gone)
    assert canary.requests == 0
    canary, _, _ = counted(memory, back)
    assert canary.requests == 2


def test_a_value_that_is_no_count_is_treated_as_absent() -> None:
    for value in (math.nan, math.inf, -math.inf, -1.0, 1e300):
        first, bad, good = (
            Snapshot(ArmSnapshot(requests={"a": each, "b": 1.0}), EMPTY) for each in (10.0, value, 15.0)
        )
        canary, _, memory = counted(first, bad)
        assert canary.requests == 0
        canary, _, _ = counted(memory, good)
        assert canary.requests == 5


def test_slow_is_what_was_timed_and_not_fast() -> None:
    counts = difference(
        ArmSnapshot(timed={"a": 100}, fast={"a": 90}),
        ArmSnapshot(timed={"a": 200}, fast={"a": 160}),
    )
    assert (counts.timed, counts.slow) == (100, 30)


def test_a_restart_that_only_the_bucket_shows_holds_for_its_histogram() -> None:
    # 120 requests since the restart, 80 of them fast: the count alone grew, from 100 to 120.
    counts = difference(
        ArmSnapshot(timed={"a": 100}, fast={"a": 90}),
        ArmSnapshot(timed={"a": 120}, fast={"a": 80}),
    )
    assert (counts.timed, counts.slow) == (120, 40)


def test_a_histogram_without_its_bucket_is_not_all_slow() -> None:
    counts = difference(ArmSnapshot(), ArmSnapshot(timed={"a": 50, "b": 10}, fast={"b": 10}))
    assert (counts.timed, counts.slow) == (10, 0)


def test_errors_that_were_read_before_their_requests_are_held_back() -> None:
    counts = difference(ArmSnapshot(requests={"a": 5}), ArmSnapshot(requests={"a": 5}, errors={"a5": 3}))
    assert (counts.requests, counts.errors) == (0, 0)


@given(arms, arms)
def test_counts_are_never_negative_and_never_more_bad_than_total(before: ArmSnapshot, after: ArmSnapshot) -> None:
    counts = difference(before, after)
    assert 0 <= counts.errors <= counts.requests
    assert 0 <= counts.slow <= counts.timed
    assert 0 <= counts.refused <= counts.requests - counts.errors


@given(arms)
def test_nothing_happened_between_equal_readings(arm: ArmSnapshot) -> None:
    assert difference(arm, arm) == ArmCounts(0, 0, 0, 0)


@given(st.lists(arms, min_size=3, max_size=5), st.integers(0, 4))
def test_a_reading_without_any_series_changes_nothing_later(readings: list[ArmSnapshot], place: int) -> None:
    gap = [*readings[: 1 + place % len(readings)], EMPTY, *readings[1 + place % len(readings) :]]
    assert total(gap) == total(readings)


@given(steps, st.lists(steps, min_size=2, max_size=6), st.data())
def test_splitting_a_period_gives_the_same_sum_without_restarts(
    first: dict[str, int], later: list[dict[str, int]], data: st.DataObject
) -> None:
    readings = [grown({}, first)]
    for step in later:
        readings.append(grown(readings[-1], step))
    arms = [
        ArmSnapshot(
            requests=each,
            errors=share(each, 0.25),
            timed=each,
            fast=share(each, 0.5),
            refused=share(each, 0.125),
        )
        for each in readings
    ]
    whole = difference(arms[0], arms[-1])
    kept = data.draw(st.lists(st.sampled_from(range(1, len(arms) - 1)), unique=True)) if len(arms) > 2 else []
    assert total([arms[0], *(arms[place] for place in sorted(kept)), arms[-1]]) == whole
    assert whole.requests == sum(sum(step.values()) for step in later)


def grown(before: dict[str, float], step: dict[str, int]) -> dict[str, float]:
    return {name: before.get(name, 0.0) + step.get(name, 0) for name in {**before, **step}}


def share(readings: dict[str, float], part: float) -> dict[str, float]:
    return {name: value * part // 1 for name, value in readings.items()}


def total(readings: list[ArmSnapshot]) -> ArmCounts:
    before, sums = Snapshot(readings[0], EMPTY), [0, 0, 0, 0, 0]
    for reading in readings[1:]:
        counts, _, before = counted(before, Snapshot(reading, EMPTY))
        sums = [old + new for old, new in zip(sums, astuple(counts), strict=True)]
    return ArmCounts(*sums)
