"""Two clicks at once: does the service go back once, and only once?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from tests.components.stage.background import in_background

from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back

MODES = pytest.mark.parametrize("mode", ["Standard", "Knative"])
ROLL_BACK = "kfp_lifecycle.components.rollback.rollback:roll_back"


@pytest.fixture
def stage(world, registered, release, call):
    """A champion 1 and a canary 2, which is promoted where asked."""

    def make(mode: str, promoted: bool = False) -> None:
        release(**registered.version(), deployment_mode=mode)
        assert release(**registered.version(), deployment_mode=mode, run_id="run-2")[0] == "canary"
        if promoted:
            call(promote, service=world.service, model_name=registered.name, version="2", timeout_seconds=10)

    return make


def at_once(world, call, **arguments) -> list[str]:
    together = Barrier(3)

    def one(_: int) -> str:
        together.wait()
        return call(roll_back, service=world.service, timeout_seconds=30, **arguments)[0]

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, range(3)))


@MODES
def test_a_promotion_is_undone_once(world, registered, stage, call, mode):
    stage(mode, promoted=True)
    outcomes = at_once(world, call, undo_promotion=True)
    assert set(outcomes) <= {"rolled_back", "nothing_to_do"}
    assert "rolled_back" in outcomes
    assert (world.champion(), registered.champion()) == ("1", "1")
    assert [each["state"] for each in world.record()["releases"]] == ["serving", "promoted", "promoted"]


@MODES
def test_a_canary_is_taken_off_once(world, registered, stage, call, mode):
    stage(mode)
    outcomes = at_once(world, call)
    assert set(outcomes) <= {"rolled_back", "nothing_to_do"}
    assert "rolled_back" in outcomes
    assert (world.champion(), registered.champion()) == ("1", "1")
    assert world.record()["releases"][-1]["state"] == "rolled_back"


@MODES
@pytest.mark.parametrize("kill_at", [2, 5])
def test_an_undoing_that_slept_before_its_write_finds_it_refused(
    world, registered, stage, writes, apart, call, mode, kill_at
):
    stage(mode, promoted=True)
    writes.freeze = True
    values = {"service": world.service, "undo_promotion": True, "timeout_seconds": 20}
    with in_background(apart, ROLL_BACK, kill_at, **values) as sleeper:
        assert writes.frozen.wait(60)
        assert call(roll_back, **values)[0] == "rolled_back"
        spec, seen = world.live()["spec"], len(world.answers)
        writes.thaw.set()
    code, outcome, output, _ = sleeper.result()
    assert (code, outcome) == (0, "nothing_to_do"), output
    assert 409 in [status for _, status in world.answers[seen:]]
    assert world.live()["spec"] == spec
    assert (world.champion(), registered.champion()) == ("1", "1")


def test_an_exit_handler_leaves_a_release_that_another_run_carries_on(
    world, stage, release, registered, call, monkeypatch
):
    from kfp_lifecycle.components.rollback import rollback

    stage("Standard")
    take_over = rollback.take_over

    def carried_on(connection, service, namespace, seen, **named):
        path = f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{service}"
        found = world.call("GET", path)
        found["data"]["record.json"] = found["data"]["record.json"].replace("run-2", "run-3")
        world.call("PUT", path, found)
        return take_over(connection, service, namespace, seen, **named)

    monkeypatch.setattr(rollback, "take_over", carried_on)
    monkeypatch.setattr(rollback, "_others_end", lambda *_: True)
    assert call(roll_back, service=world.service, run_id="run-2")[0] == "nothing_to_do"
    assert world.live()["spec"]["canary"]
