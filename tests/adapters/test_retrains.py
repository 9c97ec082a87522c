"""At most one retrain a window, within the limits of its model, whatever is lost, refused, late or dead."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.adapters.stand_in_kfp import StandInKfp

from kfp_lifecycle.adapters import (
    clock,
    kfp_connection,
    kubernetes_connection,
    kubernetes_objects,
    retrain_books,
    retrains,
    single_runs,
)
from kfp_lifecycle.adapters.kfp_errors import KfpError, KfpInvalid
from kfp_lifecycle.adapters.retrain_books import RetrainBook
from kfp_lifecycle.adapters.retrains import Retrained, Training
from kfp_lifecycle.adapters.single_runs import How, Starter, StartPending
from kfp_lifecycle.core import reservation
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.reservation import LEASE, ReservationError, State
from kfp_lifecycle.core.retrain_book import Entry
from kfp_lifecycle.core.retrain_inputs import read_cause
from kfp_lifecycle.core.retraining import Cause, Limits

ONE = Limits(cooldown=timedelta(days=7), budget=3, budget_period=timedelta(days=28), max_running=1)
TRAINING = Training("retrain", parameters={"model": "churn"})


def cause(day: int = 1, **changes: Any) -> Cause:
    return replace(read_cause(model="churn", window=f"P7D/2026-01-{day:02d}"), **changes)


@pytest.fixture
def starter(kubeconfig: str, stand_in_kfp: StandInKfp) -> Callable[..., Starter]:
    def make(lease: timedelta = LEASE, patience: float = 60.0) -> Starter:
        kfp = kfp_connection.connect(stand_in_kfp.url)
        return Starter(kubernetes_connection.connect(), kfp, "team", lease, patience)

    return make


def retrain(starter: Starter, asked: Cause, limits: Limits = ONE, training: Training = TRAINING) -> Retrained:
    return retrains.retrain(starter, asked, limits, training)


def entries(starter: Starter, asked: Cause | None = None) -> dict[str, Entry]:
    book = RetrainBook(starter.kubernetes, "team", asked or cause())
    book.read("")
    return dict(book.book.entries)


def end_the_lease(starter: Starter) -> None:
    """Back-date the lease of the first window's holder, so that no test waits for it."""
    book = RetrainBook(starter.kubernetes, "team", cause(1))
    found = book.read(cause(1).key)
    assert found and found.reservation.state is State.RESERVED
    book.write(found, reservation.given_up(found.reservation, clock.now()))


def end(kfp: StandInKfp, state: str = "SUCCEEDED") -> None:
    for run in kfp.runs:
        run["state"] = state


def test_a_window_starts_one_run_and_then_names_it(starter: Any, stand_in_kfp: StandInKfp) -> None:
    first, again = retrain(starter(), cause(8)), retrain(starter(), cause(8))
    assert (first.decision.outcome, first.how) == ("start", How.STARTED)
    assert (again.decision.outcome, again.how) == ("already_running", How.BEFORE)
    assert [run["run_id"] for run in stand_in_kfp.runs] == [first.run_id] == [again.run_id]
    assert stand_in_kfp.runs[0]["runtime_config"]["parameters"] == {"model": "churn"}
    [entry] = entries(starter()).values()
    assert (entry.reservation.state, entry.reservation.run_id) == (State.STARTED, first.run_id)


def test_nothing_is_asked_of_any_api_when_no_retrain_is_wanted(starter: Any, stand_in_kfp: StandInKfp) -> None:
    made = retrain(starter(), cause(8, asked="alert"))
    assert (made.decision.outcome, made.how, made.book) == ("no_drift", None, "")
    assert entries(starter()) == {}


def test_of_many_monitors_of_one_window_one_starts_the_run(starter: Any, stand_in_kfp: StandInKfp) -> None:
    stand_in_kfp.late = 0.3
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: retrain(starter(), cause(8)), range(24)))
    [run] = stand_in_kfp.runs
    assert {each.run_id for each in found} == {run["run_id"]}
    assert sorted(str(each.decision.outcome) for each in found) == ["already_running"] * 23 + ["start"]


@pytest.mark.parametrize("allowed", [1, 2])
def test_of_many_windows_at_once_as_many_start_as_may_run(starter: Any, stand_in_kfp: StandInKfp, allowed: int) -> None:
    limits = replace(ONE, max_running=allowed, cooldown=timedelta(), budget=100)
    # There is a book already: else the first to create one would win by that alone.
    retrain(starter(), cause(1, trigger="evaluation"), limits)
    end(stand_in_kfp)
    stand_in_kfp.late = 0.2
    with ThreadPoolExecutor(10) as pool:
        # One moment for all of them, so that only what is running says who may start.
        asked = [cause(day, as_of=cause(28).as_of) for day in range(1, 11)]
        found = list(pool.map(lambda it: retrain(starter(), it, limits), asked))
    assert len(stand_in_kfp.runs) == 1 + allowed
    assert [str(each.decision.outcome) for each in found].count("start") == allowed


def test_limits_are_counted_by_as_of_and_never_by_the_clock(
    starter: Any, stand_in_kfp: StandInKfp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = starter()
    assert retrain(made, cause(1)).decision.outcome == "start"
    end(stand_in_kfp)
    begin = clock.now()
    monkeypatch.setattr(clock, "now", lambda: begin + timedelta(days=400))
    assert retrain(made, cause(7)).decision.outcome == "cooling_down"
    assert retrain(made, cause(8)).decision.outcome == "start"
    end(stand_in_kfp)
    assert retrain(made, cause(15)).decision.outcome == "start"
    end(stand_in_kfp)
    # The schedule catches up: the slots of before get the answer that they would have got then, or none.
    assert retrain(made, cause(7)).decision.outcome == "cooling_down"
    assert retrain(made, cause(22)).decision.outcome == "over_budget"
    # A second try of the first window, after all that.
    assert retrain(made, cause(1)).run_id == stand_in_kfp.runs[0]["run_id"]
    assert len(stand_in_kfp.runs) == 3


def test_a_run_that_ends_makes_room_and_its_end_is_kept(starter: Any, stand_in_kfp: StandInKfp) -> None:
    made = starter()
    retrain(made, cause(1))
    assert retrain(made, cause(20)).decision.outcome == "already_running"
    end(stand_in_kfp, "FAILED")
    # Even the answer that starts nothing keeps what it has found out.
    assert retrain(made, cause(2)).decision.outcome == "cooling_down"
    assert [it.reservation.outcome for it in entries(made).values()] == ["FAILED"]
    assert retrain(made, cause(20)).decision.outcome == "start"


def test_a_run_that_was_deleted_counts_as_ended(starter: Any, stand_in_kfp: StandInKfp) -> None:
    made = starter()
    retrain(made, cause(1))
    stand_in_kfp.runs.clear()
    assert retrain(made, cause(20)).decision.outcome == "start"
    assert {it.reservation.outcome for it in entries(made).values()} == {retrain_books.DELETED, ""}


def test_a_caller_that_dies_over_a_deleted_book_does_not_leave_the_run_of_before_to_the_next_one(
    starter: Any, stand_in_kfp: StandInKfp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = starter()
    before = retrain(made, cause(1))
    end(stand_in_kfp)
    config_maps = kubernetes_objects.CONFIG_MAPS
    book = kubernetes_objects.get(made.kubernetes, config_maps, before.book, "team")
    assert book
    kubernetes_objects.delete(made.kubernetes, config_maps, book)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(single_runs, "_start", die)
        with pytest.raises(KeyboardInterrupt):
            retrain(made, cause(1))
    end_the_lease(made)
    # Another window strikes it out, as it has no run, and the same one starts it.
    looked = RetrainBook(made.kubernetes, "team", cause(20))
    looked.read("")
    assert looked.refresh(made.kfp)
    assert looked.book.entries == {}
    after = retrain(made, cause(1))
    assert (after.how, after.run_id == before.run_id) == (How.STARTED, False)
    assert len(stand_in_kfp.runs) == 2


def test_models_and_environments_do_not_limit_each_other(starter: Any, stand_in_kfp: StandInKfp) -> None:
    for asked in (cause(1), cause(1, model="fraud"), cause(1, environment="staging")):
        assert retrain(starter(), asked).decision.outcome == "start"
    assert len({run["display_name"] for run in stand_in_kfp.runs}) == 3


def test_a_second_try_of_the_run_that_started_it_hears_the_same(starter: Any, stand_in_kfp: StandInKfp) -> None:
    first, again = (retrain(starter(), cause(1, caller="monitor-7")) for _ in range(2))
    assert (again.decision.outcome, again.run_id) == ("start", first.run_id)
    assert len(stand_in_kfp.runs) == 1


def test_a_lost_answer_starts_no_second_run(starter: Any, stand_in_kfp: StandInKfp) -> None:
    stand_in_kfp.lose = True
    made = retrain(starter(), cause(1))
    assert (made.decision.outcome, made.run_id) == ("start", stand_in_kfp.runs[0]["run_id"])
    assert retrain(starter(), cause(1)).run_id == made.run_id
    assert len(stand_in_kfp.runs) == 1


def test_a_refused_start_lets_the_next_caller_try_at_once(starter: Any, stand_in_kfp: StandInKfp) -> None:
    stand_in_kfp.refuse = 400
    with pytest.raises(KfpInvalid):
        retrain(starter(), cause(1))
    # Another window may have its turn, and strikes out what was never started; so may the same.
    stand_in_kfp.refuse = 0
    assert retrain(starter(patience=0), cause(20)).decision.outcome == "start"
    assert [it.window[:10] for it in entries(starter()).values()] == ["2026-01-13"]
    assert retrain(starter(patience=0), cause(1)).decision.outcome == "already_running"


def test_a_refused_start_is_given_back_though_the_book_has_changed_meanwhile(
    starter: Any, stand_in_kfp: StandInKfp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, create = starter(patience=0), single_runs.kfp_runs.create

    def refused(connection: Any, request: Any, name: str) -> Any:
        # Somebody else writes the book while the request is on its way.
        book = RetrainBook(made.kubernetes, "team", cause())
        book.read("")
        changed = {key: replace(it, caller="somebody") for key, it in book.book.entries.items()}
        book.book = replace(book.book, entries=changed)
        book.save()
        return create(connection, request, name)

    monkeypatch.setattr(single_runs.kfp_runs, "create", refused)
    stand_in_kfp.refuse = 400
    with pytest.raises(KfpInvalid):
        retrain(made, cause(1))
    stand_in_kfp.refuse = 0
    assert retrain(made, cause(1)).how is How.STARTED


def test_the_same_window_takes_over_what_its_dead_holder_left(starter: Any, stand_in_kfp: StandInKfp) -> None:
    stand_in_kfp.refuse = 500
    with pytest.raises(KfpError):
        retrain(starter(), cause(1))
    stand_in_kfp.refuse = 0
    with pytest.raises(StartPending):
        retrain(starter(patience=0.1), cause(1))
    assert retrain(starter(patience=0.1), cause(20)).decision.outcome == "already_running"
    end_the_lease(starter())
    made = retrain(starter(), cause(1))
    assert (made.decision.outcome, made.how) == ("start", How.STARTED)
    assert "died" in made.decision.reasons[0]


def test_another_window_finds_the_run_of_a_dead_holder(
    starter: Any, stand_in_kfp: StandInKfp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(single_runs, "_record", die)
        with pytest.raises(KeyboardInterrupt):
            retrain(starter(), cause(1))
    [run] = stand_in_kfp.runs
    end_the_lease(starter())
    assert retrain(starter(), cause(20)).decision.outcome == "already_running"
    [entry] = entries(starter()).values()
    assert (entry.reservation.state, entry.reservation.run_id) == (State.STARTED, run["run_id"])


def test_a_holder_that_stood_still_ends_its_run_when_its_turn_went_to_another_window(
    starter: Any, stand_in_kfp: StandInKfp, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, frozen, thaw = single_runs.kfp_runs.create, threading.Event(), threading.Event()

    def late(connection: Any, request: Any, name: str) -> Any:
        if threading.current_thread() is holder:
            frozen.set()
            assert thaw.wait(60)
        return create(connection, request, name)

    monkeypatch.setattr(single_runs.kfp_runs, "create", late)
    said: list[Retrained] = []
    holder = threading.Thread(target=lambda: said.append(retrain(starter(), cause(1))))
    holder.start()
    assert frozen.wait(60)
    end_the_lease(starter())
    right = retrain(starter(), cause(20))
    thaw.set()
    holder.join(60)
    assert right.decision.outcome == "start"
    assert [str(it.decision.outcome) for it in said] == ["already_running"]
    surplus = [run["run_id"] for run in stand_in_kfp.runs if run["run_id"] != right.run_id]
    assert stand_in_kfp.terminated == surplus
    assert len(surplus) == 1
    assert {it.reservation.run_id for it in entries(starter()).values()} == {right.run_id}


@pytest.mark.parametrize(
    "training",
    [Training("no-such-pipeline"), Training("retrain", "no-such-version"), Training("retrain", "", {"modle": "x"})],
)
def test_a_run_that_cannot_be_made_reserves_nothing(starter: Any, training: Training) -> None:
    with pytest.raises(InputError):
        retrain(starter(), cause(1), training=training)
    assert entries(starter()) == {}


def test_a_copied_or_damaged_book_is_named(starter: Any) -> None:
    made = starter()
    retrain(made, cause(1))
    config_maps = kubernetes_objects.CONFIG_MAPS
    book = RetrainBook(made.kubernetes, "team", cause()).name
    other = RetrainBook(made.kubernetes, "team", cause(model="fraud")).name
    found = kubernetes_objects.get(made.kubernetes, config_maps, book, "team")
    assert found
    copy = {**found, "metadata": {"name": other, "namespace": "team"}}
    kubernetes_objects.create(made.kubernetes, config_maps, copy)
    with pytest.raises(ReservationError, match="copied or renamed"):
        retrain(made, cause(1, model="fraud"))
    kubernetes_objects.replace(made.kubernetes, config_maps, {**found, "data": {}})
    with pytest.raises(ReservationError, match="damaged"):
        retrain(made, cause(1))
