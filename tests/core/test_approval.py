"""Can an answer be read as it was written, and does it fit one release only?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.approval import (
    LONGEST_NAME,
    Answer,
    Asked,
    UnreadableAnswer,
    Verdict,
    answer_text,
    asked_from_json,
    asked_to_json,
    read_answer,
)

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
ASKED = Asked("churn", "team", "7", "d" * 64, 12, NOW, NOW + timedelta(days=1))
NAMES = (
    st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=LONGEST_NAME)
    .map(str.strip)
    .filter(lambda name: name and name.isprintable() and not name.lower().startswith("at "))
)


@given(st.sampled_from(Verdict), NAMES, st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_what_is_written_is_read_whatever_the_name(verdict: Verdict, name: str, at: datetime) -> None:
    answer = Answer(verdict, "7", ASKED.ticket, name, at.replace(tzinfo=UTC))
    assert read_answer(answer_text(answer)) == answer


@given(st.text(max_size=600))
def test_any_other_text_is_refused_in_words(text: str) -> None:
    try:
        answer = read_answer(text)
    except UnreadableAnswer as error:
        assert str(error)
    else:
        assert answer.by and answer.version and answer.ticket


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not of the form"),
        ("approved", "not of the form"),
        ("approved version 7 release 12-ab by ", "not of the form"),
        ("approved version 7 release 12-ab by \u00a0 at 2026-11-24", "names nobody"),
        ("yes version 7 release 12-ab by ann", "not of the form"),
        ("approved version 7 release 12-ab by ann at 25:99", "ISO 8601"),
        ("approved version 7 release 12-ab by ann at 0001-01-01T00:00:00+14:00", "out of range"),
        ("approved version 7 release 12-ab by a\x1b[31mnn", "one line"),
        ("approved version 7 release 12-ab by ann\nrejected version 7 release 12-ab by bob", "not of the form"),
        ("approved version 7 release 12-ab by " + "a" * 600, "longer than"),
    ],
)
def test_a_text_that_is_no_answer_says_why(text: str, why: str) -> None:
    with pytest.raises(UnreadableAnswer, match=why):
        read_answer(text)


@pytest.mark.parametrize(
    "other",
    [
        {"service": "other"},
        {"namespace": "staging"},
        {"version": "8"},
        {"digest": "e" * 64},
        {"epoch": 13},
        {"asked_at": NOW + timedelta(microseconds=1)},
    ],
)
def test_a_ticket_is_of_one_release_only(other: dict[str, object]) -> None:
    assert replace(ASKED, **other).ticket != ASKED.ticket  # type: ignore[arg-type]


def test_a_ticket_does_not_depend_on_the_deadline_and_survives_the_record() -> None:
    assert asked_from_json(asked_to_json(ASKED)) == ASKED
    assert ASKED.ticket.startswith("12-") and len(ASKED.ticket) == 15
