"""What does a gate make of the texts that it finds?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.approval.gate import Word, Written, decide, remarks, word_from_json, word_to_json
from kfp_lifecycle.components.approval.outcome import Outcome
from kfp_lifecycle.core.approval import Asked

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
ASKED = Asked("churn", "team", "7", "d" * 64, 12, NOW, NOW + timedelta(hours=1))
YES = Written("by letter", f"approved version 7 release {ASKED.ticket} by ann")
NO = Written("by mail", f"rejected version 7 release {ASKED.ticket} by bob")
OTHER = Written("by letter", "approved version 7 release 11-0123456789ab by ann")
texts = st.sampled_from([YES, NO, OTHER, Written("nowhere", ""), Written("on a wall", "approved")])


@given(st.lists(texts, max_size=5), st.integers(0, 7200))
def test_only_a_yes_and_no_no_approves_and_only_the_deadline_ends_a_silence(found: list[Written], after: int) -> None:
    word = decide(ASKED, found, NOW + timedelta(seconds=after))
    if after >= 3600:
        assert word and word.outcome is Outcome.TIMED_OUT
    elif NO in found:
        assert word and (word.outcome, word.by) == (Outcome.REJECTED, "bob")
    elif YES in found:
        assert word and (word.outcome, word.by) == (Outcome.APPROVED, "ann")
    else:
        assert word is None


@given(st.lists(texts, max_size=5), st.integers(0, 7200))
def test_while_a_place_cannot_be_read_only_a_no_or_the_deadline_decides(found: list[Written], after: int) -> None:
    word = decide(ASKED, found, NOW + timedelta(seconds=after), ["the wall cannot be read"])
    if after >= 3600:
        assert word and word.outcome is Outcome.TIMED_OUT and "the wall cannot be read" in word.reasons
    elif NO in found:
        assert word and (word.outcome, word.by) == (Outcome.REJECTED, "bob")
    else:
        assert word is None


@pytest.mark.parametrize("text", [YES.text, NO.text])
def test_an_answer_first_seen_after_the_deadline_does_not_count_whatever_time_it_names(text: str) -> None:
    word = decide(ASKED, [Written(YES.place, f"{text} at 2026-11-24T10:59:59Z")], ASKED.deadline)
    assert word and word.outcome is Outcome.TIMED_OUT
    assert "it was not seen before 2026-11-24T11:00:00Z" in word.reasons[1]


def test_an_answer_that_says_it_is_older_than_the_question_does_not_count() -> None:
    asked = replace(ASKED, asked_at=NOW + timedelta(milliseconds=600))
    yes = f"approved version 7 release {asked.ticket} by ann at"
    for at, counts in (("2026-11-24T09:59:59Z", False), ("2026-11-24T10:00:00Z", True)):
        found = [Written(YES.place, f"{yes} {at}")]
        assert bool(decide(asked, found, NOW + timedelta(seconds=5))) is counts
        assert ("before it was asked for" in str(remarks(asked, found, NOW))) is not counts


def test_a_text_that_does_not_count_is_told_once_with_its_place_and_cut() -> None:
    assert remarks(ASKED, [YES, Written("by letter", " ")], NOW) == ()
    [said] = remarks(ASKED, [Written("by letter", "x" * 1000)], NOW)
    assert "by letter, does not count: it is longer" in said and len(said) < 250


def test_an_end_survives_the_record() -> None:
    word = Word(Outcome.REJECTED, ("a", "b"), "bob", "2026-11-24T10:00:00Z")
    assert word_from_json(word_to_json(word)) == word
    assert word_from_json(word_to_json(None)) is None
