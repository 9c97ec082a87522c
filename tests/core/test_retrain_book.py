"""The book of a model's retrains: what is written is read back, and the oldest ends are forgotten first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core import reservation, retrain_book
from kfp_lifecycle.core.reservation import LEASE, Reservation, ReservationError
from kfp_lifecycle.core.retrain_book import KEPT, Book
from kfp_lifecycle.core.retrain_inputs import read_cause
from kfp_lifecycle.core.retraining import Cause

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def asked(day: int, caller: str = "") -> Cause:
    end = datetime(2000, 1, 8, tzinfo=UTC) + timedelta(days=day)
    return read_cause(model="churn", window=f"P7D/{end.isoformat()}", caller=caller)


def held(cause: Cause) -> Reservation:
    return reservation.reserved(None, cause.key, "", holder="me", prefix="train", now=NOW, lease=LEASE)


def entered(book: Book, day: int, outcome: str = "") -> Book:
    cause = asked(day, f"monitor-{day}")
    found = reservation.started(held(cause), f"run-{day}")
    return retrain_book.entered(book, cause, reservation.finished(found, outcome) if outcome else found)


@given(st.lists(st.tuples(st.integers(0, 500), st.sampled_from(["", "SUCCEEDED", "FAILED"])), max_size=12))
def test_what_is_written_is_read_back(days: list[tuple[int, str]]) -> None:
    book = Book("churn", "prod")
    for day, outcome in days:
        book = entered(book, day, outcome)
    assert retrain_book.loads(retrain_book.dumps(book)) == book
    assert {it.running for it in book.past()} <= {True, False}
    assert sum(it.running for it in book.past()) == sum(it.reservation.outcome == "" for it in book.entries.values())


def test_the_first_to_ask_stays_the_one_who_asked() -> None:
    first, later = asked(1, "first"), asked(1, "later")
    book = retrain_book.entered(Book("churn", "prod"), first, held(first))
    book = retrain_book.entered(book, later, reservation.started(held(later), "run-1"))
    [entry] = book.entries.values()
    assert (entry.caller, entry.reservation.run_id) == ("first", "run-1")


def test_a_full_book_forgets_the_oldest_that_has_ended_and_fits_into_a_config_map() -> None:
    book = entered(Book("churn", "prod"), 0)
    for day in range(1, KEPT + 10):
        book = entered(book, day, "SUCCEEDED")
    assert len(book.entries) == KEPT
    left = sorted(it.as_of for it in book.entries.values())
    # The one that still runs is kept, however old.
    assert left[0] == asked(0).as_of
    assert left[1] == asked(11).as_of
    assert len(retrain_book.dumps(book)) < 200_000


def test_books_of_other_models_and_environments_have_other_names() -> None:
    names = {retrain_book.name(*it) for it in (("a", "b-c"), ("a-b", "c"), ("a", "b"), ("b", "a"))}
    assert len(names) == 4


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format":2}', '{"format":1,"model":"m","environment":"e","entries":{"k":{}}}']
)
def test_a_damaged_book_says_what_to_do(text: str) -> None:
    with pytest.raises(ReservationError, match=r"ConfigMap|version"):
        retrain_book.loads(text)


def test_an_entry_under_another_key_is_refused() -> None:
    book = entered(Book("churn", "prod"), 1)
    [key] = book.entries
    with pytest.raises(ReservationError, match="under 'other'"):
        retrain_book.loads(retrain_book.dumps(book).replace(f'"{key}":{{', '"other":{'))
