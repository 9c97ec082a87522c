"""Which instants does a window text stand for?"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import Window, format_time, parse_time, parse_window, resolve_as_of

NOW = datetime(2013, 3, 12, 6, tzinfo=UTC)
INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2013-01-01/2013-03-12", "2013-01-01T00:00:00Z", "2013-03-12T00:00:00Z"),
        ("P70D", "2013-01-01T06:00:00Z", "2013-03-12T06:00:00Z"),
        ("P1W/2013-01-08", "2013-01-01T00:00:00Z", "2013-01-08T00:00:00Z"),
        ("2013-01-01/PT6H", "2013-01-01T00:00:00Z", "2013-01-01T06:00:00Z"),
        ("2013-01-01T01:00:00+01:00/20130102000000", "2013-01-01T00:00:00Z", "2013-01-02T00:00:00Z"),
    ],
)
def test_a_window_is_an_iso_8601_interval(text: str, start: str, end: str) -> None:
    window = parse_window(text, NOW)
    assert window is not None
    assert (format_time(window.start), format_time(window.end)) == (start, end)


def test_an_empty_text_is_no_window() -> None:
    assert parse_window("  ", NOW) is None


def test_a_window_holds_its_start_and_not_its_end() -> None:
    window = Window(NOW, NOW + timedelta(days=1))
    assert window.start in window
    assert window.end not in window


@pytest.mark.parametrize(
    "text",
    ["2013-03-12/2013-01-01", "2013-01-01", "P1Y", "P", "yesterday", "a/b", "P99999999999W", "P9000000D/0005-01-01"],
)
def test_a_text_that_is_no_window_names_the_parameter(text: str) -> None:
    with pytest.raises(InputError, match="^window="):
        parse_window(text, NOW)


@pytest.mark.parametrize("text", ["", " ", "[[ScheduledTime]]", "[[ScheduledTime.20060102]]", "[[CurrentTime]]"])
def test_without_an_instant_a_run_stands_for_now(text: str) -> None:
    assert resolve_as_of(text, NOW) == NOW


def test_a_schedule_macro_that_kfp_expanded_is_an_instant() -> None:
    assert resolve_as_of("20130312060000", datetime.now(UTC)) == NOW


@given(INSTANTS)
def test_an_instant_survives_its_text(instant: datetime) -> None:
    assert parse_time(format_time(instant)) == instant


@given(INSTANTS, INSTANTS)
def test_a_window_survives_its_text(first: datetime, second: datetime) -> None:
    if first == second:
        with pytest.raises(InputError):
            Window(first, second)
        return
    window = Window(min(first, second), max(first, second))
    assert parse_window(str(window), NOW) == window
