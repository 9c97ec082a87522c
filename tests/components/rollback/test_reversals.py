"""Does the version before the champion come back without a moment in which users get less than before?"""

from __future__ import annotations

import pytest

from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.components.sweeping.sweeping import sweep
from kfp_lifecycle.core.errors import InputError

MODES = pytest.mark.parametrize("mode", ["Standard", "Knative"])


@pytest.fixture
def promoted(world, registered, release, call):
    """Version 2, promoted over version 1."""

    def make(mode: str, **arguments) -> dict[str, str]:
        first = registered.version()
        release(**first, deployment_mode=mode, **arguments)
        release(**registered.version(), deployment_mode=mode, **arguments)
        made = call(
            promote, service=world.service, model_name=registered.name, version="2", timeout_seconds=10, run_id="run-2"
        )
        assert made[0] == "promoted"
        world.proxy.writes.seen.clear()
        world.steps = watched(world)
        return first

    return make


@pytest.fixture
def undo(world, call):
    def run(**arguments):
        values = {"service": world.service, "undo_promotion": True, "timeout_seconds": 10}
        return call(roll_back, **{**values, **arguments})

    return run


def watched(world) -> list[tuple[str, int | None]]:
    """Champion and the share of the version that comes back, after each write to the service."""
    steps, act = [], world.proxy.forwarded

    def noted(method: str, path: str, status: int) -> None:
        act(method, path, status)
        if "inferenceservices" in path and "dryRun" not in path:
            live = world.live()
            entries = live["spec"].get("canary") or []
            share = entries[0]["trafficPercent"] if entries else live["spec"]["predictor"].get("canaryTrafficPercent")
            steps.append((live["metadata"]["annotations"]["kfp-lifecycle/champion-version"], share))

    world.proxy.forwarded = noted
    return steps


@MODES
def test_it_enters_at_0_percent_and_takes_over_by_one_write(world, registered, promoted, undo, mode):
    first = promoted(mode)
    outcome, decision = undo(reason="complaints")
    assert (outcome, world.champion(), registered.champion()) == ("rolled_back", "1", "1")
    assert world.steps == [("2", 0), ("1", None)]
    predictor = world.live()["spec"]["predictor"]
    assert predictor["model"]["storageUri"] == first["uri"]
    assert predictor["model"]["env"][1]["value"] == first["digest"]
    assert decision.reasons[0] == "version 1 is champion again in the place of version 2"
    newest = world.record()["releases"][-1]
    assert (newest["state"], newest["from_version"], newest["to_version"]) == ("promoted", "2", "1")
    assert (newest["evidence"]["reason"], newest["evidence"]["reverses"]) == ("complaints", 3)


def test_its_name_was_never_used_before(world, promoted, undo):
    promoted("Standard")
    undo()
    assert world.live()["spec"]["predictor"]["name"] == "v1-e4"


def test_it_gets_pods_before_it_gets_traffic(world, promoted, undo):
    promoted("Standard", spec_overrides='{"minReplicas": 4}')
    replicas, act = [], world.proxy.forwarded

    def noted(method: str, path: str, status: int) -> None:
        act(method, path, status)
        if "inferenceservices" in path and "dryRun" not in path:
            spec = world.live()["spec"]
            replicas.append(
                [spec["predictor"]["minReplicas"], *(e["predictor"]["minReplicas"] for e in spec.get("canary", []))]
            )

    world.proxy.forwarded = noted
    undo()
    assert replicas == [[4, 2], [4]]


@MODES
@pytest.mark.parametrize("how", ["fails", "never_ready"])
def test_a_version_that_does_not_start_is_taken_off_and_the_champion_serves_on(
    world, registered, promoted, undo, mode, how
):
    promoted(mode)
    getattr(world.behaviour, how).add("1")
    outcome, decision = undo(timeout_seconds=2)
    assert (outcome, world.champion(), registered.champion()) == ("not_restored", "2", "2")
    assert {champion for champion, _ in world.steps} == {"2"}
    assert {share for _, share in world.steps} <= {0, None}
    assert world.record()["releases"][-1]["state"] == "refused"
    assert "version 1 did not come back: the canary was taken off" in "\n".join(decision.reasons)


@MODES
def test_a_version_that_does_not_answer_is_taken_off(world, promoted, undo, mode):
    promoted(mode)
    world.behaviour.answers["1"] = 500
    outcome, decision = undo()
    assert (outcome, world.champion()) == ("not_restored", "2")
    assert decision.reasons[0].startswith("the model server did not answer its own example")


@pytest.fixture
def parked(world, promoted, undo):
    """Neither the version before nor the champion's own spec became ready in time, and later both can."""
    promoted("Knative")
    world.behaviour.never_ready |= {"1", "2"}
    outcome, decision = undo(timeout_seconds=1)
    assert (outcome, world.live()["spec"]["predictor"]["canaryTrafficPercent"]) == ("not_restored", 0)
    assert "its restored revision is not ready yet" in "\n".join(decision.reasons)
    world.behaviour.never_ready.clear()
    world.act()


def test_while_the_champion_is_parked_the_reversal_stays_open_and_a_sweep_brings_it_home(world, parked, call):
    assert world.record()["releases"][-1]["finished_at"] is None
    world.expire()
    assert call(sweep)[0] == "restored"
    assert (world.champion(), world.record()["releases"][-1]["state"]) == ("2", "rolled_back")


def test_a_second_click_brings_a_parked_champion_home_and_begins_again(world, parked, undo):
    assert undo()[0] == "rolled_back"
    assert world.champion() == "1"
    assert [each["state"] for each in world.record()["releases"]] == ["serving", "promoted", "refused", "promoted"]


def test_a_second_click_on_a_champion_that_is_still_not_ready_leaves_it_parked_and_open(world, parked, undo):
    world.behaviour.never_ready.add("2")
    world.act()
    assert undo(timeout_seconds=1)[0] == "not_restored"
    assert world.record()["releases"][-1]["finished_at"] is None


def test_after_a_refusal_it_can_be_tried_again(world, promoted, undo):
    promoted("Standard")
    world.behaviour.fails.add("1")
    assert undo()[0] == "not_restored"
    world.behaviour.fails.clear()
    assert undo()[0] == "rolled_back"
    assert world.live()["spec"]["predictor"]["name"] == "v1-e5"


@MODES
def test_a_second_click_changes_nothing(world, promoted, undo, mode):
    promoted(mode)
    undo()
    world.proxy.writes.seen.clear()
    outcome, decision = undo()
    assert (outcome, world.champion(), world.proxy.writes.seen) == ("nothing_to_do", "1", [])
    assert "version 1 was put back already, by release 4: deploy version 2" in decision.reasons[0]


@MODES
def test_an_open_canary_goes_first_and_the_promotion_stays(world, registered, promoted, release, undo, mode):
    promoted(mode)
    release(**registered.version(), deployment_mode=mode)
    assert undo()[0] == "rolled_back"
    assert world.champion() == "2"
    assert undo()[0] == "rolled_back"
    assert world.champion() == "1"


def test_an_unfinished_promotion_is_finished_and_then_undone(world, registered, release, apart, undo):
    release(**registered.version())
    release(**registered.version())
    code, *_ = apart(
        "kfp_lifecycle.components.promotion.promotion:promote", 2, False, service=world.service,
        model_name=registered.name, version="2", timeout_seconds=10,
    )  # fmt: skip
    assert code == -9
    assert undo()[0] == "rolled_back"
    assert (world.champion(), registered.champion()) == ("1", "1")
    assert [each["state"] for each in world.record()["releases"]] == ["serving", "promoted", "promoted"]


@MODES
def test_a_champion_that_was_the_first_release_has_nothing_before_it(world, registered, release, undo, mode):
    release(**registered.version(), deployment_mode=mode)
    outcome, decision = undo()
    assert (outcome, world.champion()) == ("nothing_to_do", "1")
    assert "there is no version to go back to" in decision.reasons[0]


def test_a_damaged_export_is_refused_before_anything_is_written(world, promoted, undo, tmp_path):
    first = promoted("Standard")
    (tmp_path / "models" / first["model_name"] / first["digest"] / "model.skops").write_text("other")
    with pytest.raises(InputError, match="^uri="):
        undo()
    assert world.proxy.writes.seen == []


def test_a_version_that_is_not_the_champion_is_not_undone(world, promoted, undo):
    promoted("Standard")
    assert undo(version="7")[0] == "nothing_to_do"
    assert undo(version="2")[0] == "rolled_back"
