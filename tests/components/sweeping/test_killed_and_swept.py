"""A step that was killed at any of its writes: does everything agree after it ran again, or after it was swept?"""

from __future__ import annotations

import re

import pytest

from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.sweeping.sweeping import sweep

PROMOTE = "kfp_lifecycle.components.promotion.promotion:promote"
ROLL_BACK = "kfp_lifecycle.components.rollback.rollback:roll_back"
SWEEP = "kfp_lifecycle.components.sweeping.sweeping:sweep"
RECORD, SERVICE, ALIAS = "PUT .*/configmaps/.*", "PATCH .*/inferenceservices/.*", "POST .*/registered-models/alias"
# Every write, in order.
PROMOTION = [RECORD, SERVICE, RECORD, ALIAS]  # taken over, promoted, finished, mirrored
ROLLED_BACK = {"Standard": [RECORD, SERVICE, RECORD], "Knative": [RECORD, SERVICE, SERVICE, RECORD]}
REVERSED = [RECORD, SERVICE, RECORD, RECORD, SERVICE, RECORD, ALIAS]  # started, enters, applied, serving, promoted ...

# Killed before the write reached the server, and after it did but before the answer came. The modes differ only in
# what they write, so each way is taken in one of them, and the other way round where the sweep comes after.
RUN_AGAIN = pytest.mark.parametrize(("before", "mode"), [(True, "Knative"), (False, "Standard")])
SWEPT = pytest.mark.parametrize(("before", "mode"), [(True, "Standard"), (False, "Knative")])


@pytest.fixture
def stage(world, registered, release, call):
    """A new service with a champion 1 and a canary 2, which is promoted where asked."""
    versions = []

    def make(name: str, mode: str, promoted: bool = False):
        versions[:] = versions or [registered.version(), registered.version()]
        world.service = name
        release(**versions[0], deployment_mode=mode)
        assert release(**versions[1], deployment_mode=mode, run_id="run-2")[0] == "canary"
        assert registered.champion() == "1"
        if promoted:
            call(promote, service=name, model_name=registered.name, version="2", timeout_seconds=10)
            assert registered.champion() == "2"

    return make


@pytest.fixture
def agree(world, registered):
    """Service, record and alias say the same, and no release is open."""

    def check(champion: str, state: str) -> None:
        newest = world.record()["releases"][-1]
        assert newest["finished_at"], newest
        assert (world.champion(), registered.champion(), newest["state"]) == (champion, champion, state)
        world.forget()

    return check


def swept_twice(world, call) -> None:
    if not world.record()["releases"][-1]["finished_at"]:
        world.expire()
    assert call(sweep)[0] == "restored"
    world.proxy.writes.seen.clear()
    assert call(sweep)[0] == "nothing_to_do"
    assert world.proxy.writes.seen == []


@RUN_AGAIN
def test_promote_and_run_again(world, registered, stage, apart, agree, before, mode):
    for kill_at in range(1, len(PROMOTION) + 1):
        stage(f"again-{kill_at}", mode)
        values = {"service": world.service, "model_name": registered.name, "version": "2", "timeout_seconds": 10}
        assert apart(PROMOTE, kill_at, before, **values)[0] == -9
        code, outcome, output, _ = apart(PROMOTE, **values)
        assert (code, outcome) == (0, "promoted"), output
        agree("2", "promoted")


@SWEPT
def test_promote_and_swept(world, registered, stage, apart, agree, call, before, mode):
    for kill_at in range(1, len(PROMOTION) + (1 if before else 0)):
        stage(f"swept-{kill_at}", mode)
        values = {"service": world.service, "model_name": registered.name, "version": "2", "timeout_seconds": 10}
        assert apart(PROMOTE, kill_at, before, **values)[0] == -9
        swept_twice(world, call)
        done = kill_at > 2 or (kill_at == 2 and not before)
        agree(*(("2", "promoted") if done else ("1", "rolled_back")))


@RUN_AGAIN
def test_roll_back_and_run_again(world, stage, apart, agree, before, mode):
    for kill_at in range(1, len(ROLLED_BACK[mode]) + 1):
        stage(f"again-{kill_at}", mode)
        values = {"service": world.service, "timeout_seconds": 10}
        assert apart(ROLL_BACK, kill_at, before, **values)[0] == -9
        code, outcome, output, _ = apart(ROLL_BACK, **values)
        over = kill_at == len(ROLLED_BACK[mode]) and not before
        assert (code, outcome) == (0, "nothing_to_do" if over else "rolled_back"), output
        agree("1", "rolled_back")


@SWEPT
def test_roll_back_and_swept(world, stage, apart, agree, call, before, mode):
    for kill_at in range(1, len(ROLLED_BACK[mode]) + (1 if before else 0)):
        stage(f"swept-{kill_at}", mode)
        assert apart(ROLL_BACK, kill_at, before, service=world.service, timeout_seconds=10)[0] == -9
        swept_twice(world, call)
        agree("1", "rolled_back")


@RUN_AGAIN
def test_a_reverse_release_and_run_again(world, stage, apart, agree, before, mode):
    for kill_at in range(1, len(REVERSED) + 1):
        stage(f"again-{kill_at}", mode, promoted=True)
        values = {"service": world.service, "undo_promotion": True, "timeout_seconds": 10}
        assert apart(ROLL_BACK, kill_at, before, **values)[0] == -9
        code, outcome, output, _ = apart(ROLL_BACK, **values)
        over = kill_at > 6 or (kill_at == 6 and not before)
        assert (code, outcome) == (0, "nothing_to_do" if over else "rolled_back"), output
        agree("1", "promoted")


@SWEPT
def test_a_reverse_release_and_swept(world, stage, apart, agree, call, before, mode):
    for kill_at in range(1 if not before else 2, len(REVERSED) + (1 if before else 0)):
        stage(f"swept-{kill_at}", mode, promoted=True)
        values = {"service": world.service, "undo_promotion": True, "timeout_seconds": 10}
        assert apart(ROLL_BACK, kill_at, before, **values)[0] == -9
        swept_twice(world, call)
        done = kill_at > 5 or (kill_at == 5 and not before)
        agree(*(("1", "promoted") if done else ("2", "rolled_back")))


@pytest.mark.parametrize(("before", "mode"), [(True, "Knative"), (False, "Knative"), (True, "Standard")])
def test_a_sweep_and_swept_again(world, stage, apart, agree, before, mode):
    for kill_at in range(1, len(ROLLED_BACK[mode]) + (1 if before else 0)):
        stage(f"sweep-{kill_at}", mode)
        world.expire()
        assert apart(SWEEP, kill_at, before)[0] == -9
        world.expire()
        code, outcome, output, _ = apart(SWEEP)
        assert (code, outcome) == (0, "restored"), output
        agree("1", "rolled_back")


@pytest.mark.parametrize("mode", ["Standard", "Knative"])
def test_the_lists_of_writes_are_complete(world, registered, stage, apart, mode):
    def matches(lines: list[str], seen: list[str]) -> None:
        assert len(seen) == len(lines), seen
        assert all(re.fullmatch(pattern, line) for pattern, line in zip(lines, seen, strict=True))

    stage("promoted", mode)
    values = {"service": world.service, "timeout_seconds": 10}
    matches(PROMOTION, apart(PROMOTE, model_name=registered.name, version="2", **values)[3])
    matches(REVERSED, apart(ROLL_BACK, undo_promotion=True, **values)[3])
    world.forget()
    stage("rolled-back", mode)
    matches(ROLLED_BACK[mode], apart(ROLL_BACK, **{**values, "service": world.service})[3])
