from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.local.status_page import words
from kfp_lifecycle.local.status_page.trigger_words import in_words


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        ("0 0 3 * * *", "every day at 03:00 UTC"),
        ("30 5 14 * * ?", "every day at 14:05:30 UTC"),
        ("0 30 3 * * 1-5", "every Monday to Friday at 03:30 UTC"),
        ("0 0 6 ? * SUN,3", "every Sunday, Wednesday at 06:00 UTC"),
        ("0 0 6 1 * *", "every month on day 1 at 06:00 UTC"),
        ("0 15 * * * *", "every hour at minute 15"),
        ("0 */10 * * * *", "every 10 minutes"),
        ("0 0 */6 * * *", "every 6 hours"),
        ("*/2 * * * * *", "every 2 seconds"),
        ("0 * * * * *", "every minute"),
        ("0 0 3 1 1 *", "by cron 0 0 3 1 1 * (UTC; seconds first)"),
        ("0 0,30 9-17 * * 1", "by cron 0 0,30 9-17 * * 1 (UTC; seconds first)"),
    ],
)
def test_a_cron_text_is_told_in_words_where_there_are_some(cron: str, text: str) -> None:
    assert in_words({"cron_schedule": {"cron": cron}}) == text


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ({"interval_second": 2}, "every 2 seconds"),
        ({"interval_second": 3600}, "every hour"),
        ({"interval_second": 5400}, "every 1 h 30 min"),
        (
            {"interval_second": 60, "start_time": "2026-01-02T03:04:05Z", "end_time": "2027-01-02T03:04:05Z"},
            "every minute, from 2026-01-02 03:04:05 UTC, until 2027-01-02 03:04:05 UTC",
        ),
    ],
)
def test_an_interval_is_told_in_words_with_its_bounds(schedule: dict[str, Any], text: str) -> None:
    assert in_words({"periodic_schedule": schedule}) == text


_FIELD = st.one_of(
    st.just("*"), st.just("?"), st.integers(0, 70).map(str), st.integers(0, 99).map("*/{}".format), st.text(max_size=6)
)


@given(st.lists(_FIELD, min_size=0, max_size=7).map(" ".join))
def test_whatever_the_cron_text_is_words_come_out(cron: str) -> None:
    assert in_words({"cron_schedule": {"cron": cron}})


def test_a_trigger_that_cannot_be_read_says_so() -> None:
    assert in_words({}).startswith("cannot be read: ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (-3, "–"), (0.04, "0.0 s"), (59.6, "60 s"), (61, "1 min 1 s"), (7200, "2 h"), (90000, "1 d 1 h")],
)
def test_a_length_of_time_has_at_most_two_units(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@given(st.floats())
def test_a_moment_that_no_calendar_has_is_a_dash(seconds: float) -> None:
    assert words.moment(seconds) == "–" or words.moment(seconds).endswith(" UTC")
