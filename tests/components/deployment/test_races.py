"""Two releases at the same time: one of them wins, and nothing is lost between them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from kfp_lifecycle.adapters import release_records
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.components.deployment import deployment, execution
from kfp_lifecycle.components.deployment.outcome import Outcome
from kfp_lifecycle.components.deployment.plan import Plan
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.release import failed


@pytest.fixture
def race(world: Any, file: Any, tmp_path: Any) -> Callable[..., list[str]]:
    """Deploy all at once, each as a run of its own; their outcomes."""

    def run(versions: list[dict[str, str]], mode: str = "Standard") -> list[str]:
        together = Barrier(len(versions))

        def one(number: int) -> str:
            files = {name: file(str(tmp_path / f"{number}-{name}")) for name in ("decision", "report")}
            together.wait()
            (outcome,) = deployment.deploy(
                service=world.service, deployment_mode=mode, timeout_seconds=60, run_id=f"run-{number}", **files,
                **versions[number],
            )  # fmt: skip
            return outcome

        with ThreadPoolExecutor(len(versions)) as pool:
            return list(pool.map(one, range(len(versions))))

    return run


@pytest.mark.parametrize("mode", ["Standard", "Knative"])
def test_of_several_first_releases_one_is_made_and_the_others_change_nothing(world, registered, race, mode):
    versions = [registered.version() for _ in range(4)]
    outcomes = race(versions, mode)
    # Whoever comes after the winner was named finds a champion and may enter beside it.
    assert outcomes.count("first_release") == 1
    assert outcomes.count("canary") <= 1
    assert set(outcomes) <= {"first_release", "canary", "refused"}
    winner = versions[outcomes.index("first_release")]
    assert world.live()["metadata"]["annotations"]["kfp-lifecycle/champion-version"] == winner["version"]
    assert registered.champion() == winner["version"]
    assert len(world.record()["releases"]) == outcomes.count("first_release") + outcomes.count("canary")


@pytest.mark.parametrize("mode", ["Standard", "Knative"])
def test_runs_of_the_same_content_carry_one_release_on_together(world, registered, release, race, mode):
    release(**registered.version(), deployment_mode=mode)
    second = registered.version()
    assert set(race([second] * 3, mode)) <= {"canary", "unchanged"}
    _, only = world.record()["releases"]
    assert (only["state"], only["to_version"], only["epoch"]) == ("serving", "2", 2)


def test_a_run_that_was_taken_for_dead_and_wakes_up_changes_nothing(world, registered, release, monkeypatch):
    release(**registered.version())
    second, third = registered.version(), registered.version()
    now, asleep = execution.now, []

    def sleeping(method: str, path: str) -> int:
        if method == "PATCH" and "dryRun" not in path and not asleep:
            asleep.append(path)
            # While this write is on its way, another run finds the release expired and puts its own in place.
            monkeypatch.setattr(execution, "now", lambda: now() + timedelta(hours=2))
            assert release(**third, run_id="awake")[0] == "canary"
        return 0

    world.proxy.answer = sleeping
    outcome, decision = release(**second, run_id="asleep")
    assert outcome == "refused"
    assert "held by run 'awake'" in decision.reasons[0]
    assert [each["predictor"]["name"] for each in world.live()["spec"]["canary"]] == ["v3"]
    assert [each["state"] for each in world.record()["releases"]] == ["serving", "failed", "serving"]


def test_a_canary_whose_record_was_closed_meanwhile_is_refused(world, registered, release, monkeypatch):
    release(**registered.version())
    wait = deployment.wait_until_served

    def closed(connection, request, *arguments, **named):
        stored = execution._stored(connection, request)
        ended = failed(stored.record, stored.record.epoch, now=execution.now(), evidence={})
        release_records.write(connection, request.namespace, stored, ended)
        return wait(connection, request, *arguments, **named)

    monkeypatch.setattr(deployment, "wait_until_served", closed)
    outcome, decision = release(**registered.version())
    assert outcome == "refused"
    assert "release 2 of" in decision.reasons[0]
    assert "is no longer the open one" in decision.reasons[0]


@pytest.mark.parametrize("end", ["refused", "bad input"])
def test_a_record_whose_answer_was_lost_is_closed_when_the_second_look_refuses(
    world, registered, release, monkeypatch, end
):
    release(**registered.version())
    write, lost = release_records.write, []

    def losing(*arguments):
        made = write(*arguments)
        if not lost:
            lost.append(made)
            raise Conflict(409, "the answer was lost")
        return made

    def look_again(*arguments):
        if lost:
            raise InputError("service", world.service, "a service of ours", "Take another one.")

    monkeypatch.setattr(release_records, "write", losing)
    second = registered.version()
    if end == "bad input":
        monkeypatch.setattr(execution, "check_service", look_again)
        with pytest.raises(InputError, match="a service of ours"):
            release(**second)
    else:
        plan = execution.make_plan
        no = Plan(Outcome.REFUSED, ("somebody was faster",))
        monkeypatch.setattr(execution, "make_plan", lambda *given: no if lost else plan(*given))
        assert release(**second)[0] == "refused"
    newest = world.record()["releases"][-1]
    assert (newest["to_version"], newest["state"], newest["finished_at"] is None) == ("2", "refused", False)
