"""What headers say of a request, and what they cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.serving.request_marks import (
    RequestMarks,
    event_microseconds,
    marks_of,
    microseconds_of,
    new_id,
    usable_id,
)


def test_id_and_event_time_are_read_from_their_headers() -> None:
    headers = [(b"host", b"x"), (b"x-request-id", b"flight 7"), (b"x-event-time", b"2013-05-01T10:00:00Z")]
    assert marks_of(headers, 3.5) == RequestMarks("flight 7", "2013-05-01T10:00:00Z", 3.5)
    assert marks_of([], 3.5) == RequestMarks("", "", 3.5)


@pytest.mark.parametrize("identifier", ["", " ", "a\nb", "\x7f", "é", "a" * 129, " a", "a ", None, 7])
def test_an_id_that_cannot_be_answered_as_a_header_counts_as_none(identifier: object) -> None:
    assert usable_id(identifier) == ""


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128))
def test_any_other_id_is_kept(identifier: str) -> None:
    assert usable_id(identifier) == identifier
    assert marks_of([(b"x-request-id", identifier.encode())], 0.0).request_id == identifier


def test_made_ids_are_usable_and_differ() -> None:
    assert usable_id(new_id()) != new_id()


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-14 * 60, 14 * 60),
)
def test_a_time_in_any_zone_is_the_instant_it_names(moment: datetime, minutes: int) -> None:
    given_time = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    found = event_microseconds(RequestMarks("a", given_time.isoformat(), 1.0))
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found) == given_time
    # Without a zone it is UTC.
    assert event_microseconds(RequestMarks("a", moment.isoformat(), 1.0)) == microseconds_of(moment.replace(tzinfo=UTC))


@pytest.mark.parametrize("text", ["", "yesterday", "1714557600", "2013-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00x"])
def test_a_time_that_is_none_leaves_the_arrival(text: str) -> None:
    assert event_microseconds(RequestMarks("a", text, 2.000001)) == 2_000_001
