"""Two steps at one release: does one of them win, and does the one that slept find its write refused?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from tests.components.stage.background import in_background

from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back

MODES = pytest.mark.parametrize("mode", ["Standard", "Knative"])
PROMOTE = "kfp_lifecycle.components.promotion.promotion:promote"


@pytest.fixture
def canary(world, registered, release):
    def make(mode: str) -> dict[str, object]:
        release(**registered.version(), deployment_mode=mode)
        assert release(**registered.version(), deployment_mode=mode, run_id="run-2")[0] == "canary"
        return {"service": world.service, "model_name": registered.name, "version": "2", "timeout_seconds": 20}

    return make


def agree(world, registered, champion: str, state: str) -> None:
    newest = world.record()["releases"][-1]
    assert (world.champion(), registered.champion(), newest["state"]) == (champion, champion, state)
    assert newest["finished_at"]


@MODES
@pytest.mark.parametrize("kill_at", [2, 3])
def test_a_promotion_that_slept_before_its_write_finds_it_refused(
    world, registered, canary, writes, apart, call, mode, kill_at
):
    values = canary(mode)
    writes.freeze = True
    with in_background(apart, PROMOTE, kill_at, **values, run_id="asleep") as sleeper:
        assert writes.frozen.wait(60)
        assert call(promote, **values, run_id="awake")[0] == "promoted"
        agree(world, registered, "2", "promoted")
        spec, seen = world.live()["spec"], len(world.answers)
        writes.thaw.set()
    code, outcome, output, _ = sleeper.result()
    assert (code, outcome) == (0, "promoted"), output
    late = [status for method, status in world.answers[seen:]]
    assert late == ([409] if kill_at == 2 else [])
    assert world.live()["spec"] == spec
    agree(world, registered, "2", "promoted")
    assert world.record()["releases"][-1]["run_id"] == "awake"


@MODES
def test_a_promotion_that_slept_while_its_canary_was_rolled_back_is_stale(
    world, registered, canary, writes, apart, call, mode
):
    values = canary(mode)
    writes.freeze = True
    with in_background(apart, PROMOTE, 2, **values) as sleeper:
        assert writes.frozen.wait(60)
        assert call(roll_back, service=world.service, timeout_seconds=20)[0] == "rolled_back"
        writes.thaw.set()
    code, outcome, output, _ = sleeper.result()
    assert (code, outcome) == (0, "stale"), output
    agree(world, registered, "1", "rolled_back")


@MODES
def test_a_roll_back_that_slept_while_its_canary_was_promoted_has_nothing_to_do(
    world, registered, canary, writes, apart, call, mode
):
    values = canary(mode)
    writes.freeze = True
    step = "kfp_lifecycle.components.rollback.rollback:roll_back"
    with in_background(apart, step, 2, service=world.service, timeout_seconds=20) as sleeper:
        assert writes.frozen.wait(60)
        assert call(promote, **values)[0] == "promoted"
        writes.thaw.set()
    code, outcome, output, _ = sleeper.result()
    assert (code, outcome) == (0, "nothing_to_do"), output
    agree(world, registered, "2", "promoted")


@MODES
def test_promotions_at_once_agree(world, registered, canary, call, mode):
    values = canary(mode)
    together = Barrier(3)

    def one(number: int) -> str:
        together.wait()
        return call(promote, **values, run_id=f"run-{number}")[0]

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(one, range(3))) == {"promoted"}
    agree(world, registered, "2", "promoted")


@MODES
def test_a_promotion_and_a_roll_back_at_once_agree(world, registered, canary, call, mode):
    values = canary(mode)
    together = Barrier(2)

    def forward() -> str:
        together.wait()
        return call(promote, **values)[0]

    def back() -> str:
        together.wait()
        return call(roll_back, service=world.service, timeout_seconds=20)[0]

    with ThreadPoolExecutor(2) as pool:
        outcomes = [each.result() for each in (pool.submit(forward), pool.submit(back))]
    assert outcomes in (["promoted", "nothing_to_do"], ["stale", "rolled_back"])
    agree(world, registered, *(("2", "promoted") if outcomes[0] == "promoted" else ("1", "rolled_back")))
