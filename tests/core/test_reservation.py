"""Who may start a run, as each history of a reservation says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core import reservation
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.reservation import Reservation, ReservationError, State, Step

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
LEASE = timedelta(minutes=5)
KEYS = st.text(min_size=1, max_size=60).filter(lambda text: bool(text.strip()) and text.isprintable())


def held(
    found: Reservation | None = None, content: str = "", holder: str = "a", now: datetime = NOW, key: str = "k"
) -> Reservation:
    return reservation.reserved(found, key, content, holder=holder, prefix="train", now=now, lease=LEASE)


def test_a_free_key_is_reserved() -> None:
    assert reservation.next_step(None, "", NOW) is Step.RESERVE


def test_a_holder_is_waited_for_until_its_lease_ends() -> None:
    assert reservation.next_step(held(), "", NOW + LEASE - timedelta(seconds=1)) is Step.WAIT
    assert reservation.next_step(held(), "", NOW + LEASE) is Step.TAKE_OVER


def test_whoever_takes_over_looks_for_the_name_that_the_dead_holder_used() -> None:
    later = held(held(), holder="b", now=NOW + LEASE)
    assert (later.run_name, later.generation, later.holder) == (held().run_name, 1, "b")
    assert later.expires_at == NOW + 2 * LEASE


def test_a_new_reservation_of_a_forgotten_key_has_a_name_that_no_earlier_one_had() -> None:
    # KFP keeps the run of the deleted one, and it must not be taken for the new one's.
    assert held(holder="b").run_name != held(holder="a").run_name


def test_a_holder_that_gives_up_is_not_waited_for() -> None:
    assert reservation.next_step(reservation.given_up(held(), NOW), "", NOW) is Step.TAKE_OVER


def test_a_known_run_is_the_run_whether_it_has_ended_or_not() -> None:
    run = reservation.started(held(), "run-1")
    assert reservation.next_step(run, "", NOW + 10 * LEASE) is Step.NOTHING
    assert reservation.next_step(reservation.finished(run, "FAILED"), "", NOW) is Step.NOTHING


def test_other_content_is_the_next_run_and_the_same_content_is_not() -> None:
    run = reservation.started(held(content="one"), "run-1")
    assert reservation.next_step(run, "one", NOW) is Step.NOTHING
    assert reservation.next_step(run, "two", NOW) is Step.ADVANCE
    later = held(run, content="two")
    assert (later.generation, later.content, later.run_id) == (2, "two", "")
    assert later.run_name != run.run_name
    assert reservation.next_step(reservation.started(later, "run-2"), "one", NOW) is Step.ADVANCE


def test_content_that_changed_while_its_holder_died_gets_a_name_of_its_own() -> None:
    # Else the dead holder's run of the old content would be taken for the new one's.
    assert held(held(content="one"), content="two", now=NOW + LEASE).generation == 2


def test_a_caller_that_names_no_content_takes_the_run_of_any() -> None:
    assert reservation.next_step(reservation.started(held(content="one"), "run-1"), "", NOW) is Step.NOTHING
    assert held(held(content="one"), now=NOW + LEASE).content == "one"


def test_few_callers_write_that_a_reservation_is_still_asked_for() -> None:
    run = reservation.started(held(), "run-1")
    assert reservation.asked_for(run, NOW + timedelta(days=7)) is run
    assert reservation.asked_for(run, NOW + timedelta(days=8)).kept_until == NOW + timedelta(days=38)


@given(KEYS, KEYS, st.integers(1, 3), st.integers(1, 3))
def test_two_keys_or_generations_never_share_a_name(one: str, other: str, first: int, second: int) -> None:
    names = {reservation.run_name("p", one, first, "h"), reservation.run_name("p", other, second, "h")}
    assert len(names) == (1 if (one, first) == (other, second) else 2)


@given(st.text(max_size=300), KEYS)
def test_a_run_name_fits_into_kfps_column(prefix: str, key: str) -> None:
    assert len(reservation.run_name(prefix, key, 999, "h")) < 255


@given(KEYS, st.text(max_size=20), st.sampled_from(State), st.text(max_size=20))
def test_what_is_written_is_read_back(key: str, content: str, state: State, run_id: str) -> None:
    known = Reservation(key, content, 3, state, "h", NOW, "n", NOW + LEASE, run_id, "SUCCEEDED")
    assert reservation.loads(reservation.dumps(known)) == known


@pytest.mark.parametrize("key", ["", "   ", "a\nb", "x" * 513, "a\x00"])
def test_a_text_that_cannot_be_a_key_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="once_key"):
        reservation.check_key(key)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"format":1}', '{"format":2}', "{"])
def test_a_damaged_reservation_says_what_to_do(text: str) -> None:
    with pytest.raises(ReservationError, match=r"ConfigMap|version"):
        reservation.loads(text)
