"""A run is followed honestly: what was seen is told, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from tests.adapters.stand_in_kfp import StandInKfp

from kfp_lifecycle.adapters import kfp_requests, kfp_runs
from kfp_lifecycle.adapters.kfp_connection import KfpConnection, connect
from kfp_lifecycle.adapters.kfp_errors import KfpAbsent, KfpError
from kfp_lifecycle.adapters.kfp_runs import Run
from kfp_lifecycle.core.errors import InputError


@pytest.fixture
def kfp(stand_in_kfp: StandInKfp) -> KfpConnection:
    return connect(stand_in_kfp.url)


def start(kfp: KfpConnection, name: str = "one") -> Run:
    return kfp_runs.create(kfp, kfp_requests.of_pipeline(kfp, "retrain", {}), name)


def scripted(stand_in: StandInKfp, *answers: str | int) -> None:
    """Answers to looks at the run, a state or a status, the last one for ever."""
    left, plain = list(answers), stand_in.answer

    def answer(method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if not path.startswith("runs/"):
            return plain(method, path, query, body)
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, int):
            return now, {"message": "told to fail"}
        return 200, {**stand_in.runs[0], "state": now}

    stand_in.answer = answer  # type: ignore[method-assign]


def test_each_state_is_told_once_until_the_end(kfp: KfpConnection, stand_in_kfp: StandInKfp) -> None:
    run = start(kfp)
    scripted(stand_in_kfp, "PENDING", "RUNNING", "RUNNING", "FAILED")
    told: list[str] = []
    done = kfp_runs.wait(kfp, run.id, 30, lambda seen: told.append(seen.state))
    assert told == ["PENDING", "RUNNING", "FAILED"]
    assert (done.state, done.ended) == ("FAILED", True)


def test_a_run_that_outlasts_the_time_is_not_said_to_have_ended(kfp: KfpConnection, stand_in_kfp: StandInKfp) -> None:
    run = start(kfp)
    scripted(stand_in_kfp, "RUNNING")
    done = kfp_runs.wait(kfp, run.id, 0.3)
    assert (done.state, done.ended) == ("RUNNING", False)


def test_an_api_that_is_away_for_a_while_is_asked_again(kfp: KfpConnection, stand_in_kfp: StandInKfp) -> None:
    run = start(kfp)
    scripted(stand_in_kfp, "RUNNING", 500, 500, "SUCCEEDED")
    assert kfp_runs.wait(kfp, run.id, 30).state == "SUCCEEDED"


def test_an_api_that_never_answers_is_no_state(kfp: KfpConnection, stand_in_kfp: StandInKfp) -> None:
    run = start(kfp)
    scripted(stand_in_kfp, 500)
    with pytest.raises(KfpError, match="told to fail"):
        kfp_runs.wait(kfp, run.id, 0.3)


def test_a_run_that_is_gone_is_an_error_at_once(kfp: KfpConnection) -> None:
    with pytest.raises(KfpAbsent):
        kfp_runs.wait(kfp, "absent", 30)


@pytest.mark.parametrize(("status", "sure"), [(400, True), (403, True), (404, True), (500, False), (503, False)])
def test_only_a_refusal_says_that_nothing_was_started(
    kfp: KfpConnection, stand_in_kfp: StandInKfp, status: int, sure: bool
) -> None:
    wanted = kfp_requests.of_pipeline(kfp, "retrain", {})
    stand_in_kfp.refuse = status
    with pytest.raises(KfpError) as refused:
        kfp_runs.create(kfp, wanted, "one")
    assert kfp_runs.surely_not_started(refused.value) is sure


def test_a_lost_answer_does_not_and_a_closed_door_does(kfp: KfpConnection, stand_in_kfp: StandInKfp) -> None:
    wanted = kfp_requests.of_pipeline(kfp, "retrain", {})
    stand_in_kfp.lose = True
    with pytest.raises(KfpError) as lost:
        kfp_runs.create(kfp, wanted, "one")
    assert not kfp_runs.surely_not_started(lost.value)
    stand_in_kfp.close()
    with pytest.raises(KfpError) as closed:
        kfp_runs.create(kfp, wanted, "two")
    assert kfp_runs.surely_not_started(closed.value)


def test_the_end_of_a_run_is_asked_for_until_the_api_takes_it(kfp: KfpConnection, stand_in_kfp: StandInKfp) -> None:
    run, plain, refusals = start(kfp), stand_in_kfp.answer, [503, 500]

    def answer(method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if refusals and path.endswith(":terminate"):
            return refusals.pop(), {"message": "told to fail"}
        return plain(method, path, query, body)

    stand_in_kfp.answer = answer  # type: ignore[method-assign]
    kfp_runs.terminate(kfp, run.id)
    assert stand_in_kfp.terminated == [run.id]
    refusals += [403]
    with pytest.raises(KfpError, match="told to fail"):
        kfp_runs.terminate(kfp, run.id)


def test_of_runs_with_one_name_the_oldest_counts(kfp: KfpConnection) -> None:
    first, _ = start(kfp), start(kfp)
    found = kfp_runs.find(kfp, "one")
    assert found is not None
    assert found.id == first.id
    assert kfp_runs.find(kfp, "another") is None


def test_a_parameter_that_the_pipeline_has_not_is_refused(kfp: KfpConnection) -> None:
    with pytest.raises(InputError, match="modle"):
        kfp_requests.of_pipeline(kfp, "retrain", {"modle": "churn"})
