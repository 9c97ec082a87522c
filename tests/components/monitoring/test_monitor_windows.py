"""Are windows cut alike, whenever a run starts?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.monitoring.windows import phase, plan_windows
from kfp_lifecycle.core.window import Window

DAY, WEEK = timedelta(days=1), timedelta(days=7)
LENGTHS = st.sampled_from([timedelta(hours=1), timedelta(hours=6), DAY, 3 * DAY, WEEK, 2 * WEEK])
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, LENGTHS, st.integers(1, 8), st.timedeltas(timedelta(), 30 * DAY))
def test_windows_touch_each_other_and_end_at_or_before_the_moment(as_of, length, count, lag) -> None:
    plan = plan_windows(as_of, length, count, lag)
    assert all(one.end == two.start for one, two in pairwise(plan.windows))
    assert {window.end - window.start for window in plan.windows} == {length}
    assert plan.newest.end <= as_of < plan.newest.end + max(length, DAY)
    assert plan.recent == count
    # So many are complete that the rule has its windows, and no more than the lag allows.
    assert plan.complete == count
    assert plan.windows[plan.complete - 1].end + lag <= plan.newest.end


@given(MOMENTS, st.integers(1, 8), st.timedeltas(timedelta(), DAY - timedelta(microseconds=1)))
def test_a_retry_on_the_same_day_looks_at_the_same_windows(as_of, count, later) -> None:
    midnight = as_of.replace(hour=0, minute=0, second=0, microsecond=0)
    assert plan_windows(midnight, WEEK, count, WEEK) == plan_windows(midnight + later, WEEK, count, WEEK)


def test_a_run_after_midnight_that_stands_for_the_day_before_looks_at_the_windows_of_that_day() -> None:
    caught_up = plan_windows(datetime(2013, 3, 12, 6, tzinfo=UTC), DAY, 3, timedelta())
    assert str(caught_up.newest) == "2013-03-11T00:00:00Z/2013-03-12T00:00:00Z"


@pytest.mark.parametrize(
    ("start", "length", "place"),
    [
        (datetime(2013, 1, 7, tzinfo=UTC), WEEK, timedelta()),
        (datetime(2013, 1, 9, tzinfo=UTC), WEEK, timedelta()),
        (datetime(2013, 1, 9, tzinfo=UTC), DAY, 2 * DAY),
        (datetime(2013, 1, 16, 6, tzinfo=UTC), timedelta(hours=6), timedelta(days=2, hours=6)),
    ],
)
def test_a_window_shorter_than_a_week_has_a_place_in_it(start, length, place) -> None:
    assert phase(Window(start, start + length)) == place
