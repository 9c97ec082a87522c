"""A deploy that was killed at any of its writes, and ran again, ends as if nothing had happened."""

from __future__ import annotations

import re
import uuid

import pytest

DEPLOY = "kfp_lifecycle.components.deployment.deployment:deploy"
# Every write, in order.
FIRST_RELEASE = [
    "POST .*/configmaps",  # the record: started
    "PATCH .*/inferenceservices/.*",  # the service: all traffic, no champion yet
    "PUT .*/configmaps/.*",  # the record: applied
    "PATCH .*/inferenceservices/.*",  # the service: the champion's name
    "PUT .*/configmaps/.*",  # the record: serving, finished
    "POST .*/registered-models/alias",  # the champion's mirror in MLflow
]
CANARY = [
    "PUT .*/configmaps/.*",  # started
    "PATCH .*/inferenceservices/.*",  # the share
    "PUT .*/configmaps/.*",  # applied
    "PUT .*/configmaps/.*",  # serving
]
REFUSED = [*CANARY[:3], "PATCH .*/inferenceservices/.*", *CANARY[3:]]  # taken off, then refused
REFUSED_KNATIVE = [*CANARY[:3], "PATCH .*/inferenceservices/.*", "PATCH .*/inferenceservices/.*", *CANARY[3:]]

# Killed before the write reached the server, and after it did but before the answer came. The two modes differ only in
# what they write, so each way is taken in one of them.
BOTH_WAYS = pytest.mark.parametrize(("before", "mode"), [(True, "Knative"), (False, "Standard")])


@pytest.fixture
def step(world, writes, nursery, proxied, mlflow_uri, tmp_path):
    environment = {**world.environment, "MLFLOW_TRACKING_URI": proxied(mlflow_uri, writes).url}

    def run(kill_at: int = 0, before: bool = True, **arguments):
        writes.kill_at, writes.before = kill_at, before
        writes.seen.clear()
        files = {name: {"path": str(tmp_path / name), "uri": "", "metadata": {}} for name in ("decision", "report")}
        values = {"service": world.service, "timeout_seconds": 30, **files, **arguments}
        code, answer, output = nursery.run(DEPLOY, writes, environment, **values)
        return code, answer, output, list(writes.seen)

    return run


@BOTH_WAYS
def test_a_first_release(world, registered, step, before, mode):
    for kill_at in range(1, len(FIRST_RELEASE) + 1):
        world.service, registered.name = f"first-{kill_at}", f"churn-{uuid.uuid4().hex[:6]}"
        version = registered.version()
        arguments = {**version, "deployment_mode": mode}
        code, _, output, _ = step(kill_at, before, **arguments, run_id="run-1")
        assert code == -9, output
        # Once the record says that it is over, a new run finds no more to do than the alias.
        over = kill_at == len(FIRST_RELEASE) or (kill_at == len(FIRST_RELEASE) - 1 and not before)
        again = "run-1" if kill_at % 2 else "run-2"
        code, answer, output, _ = step(**arguments, run_id=again)
        assert (code, answer) == (0, ["unchanged" if over else "first_release"]), output
        (only,) = world.record()["releases"]
        assert (only["state"], only["finished_at"] is None, only["epoch"]) == ("serving", False, 1)
        assert world.live()["metadata"]["annotations"]["kfp-lifecycle/champion-version"] == "1"
        assert registered.champion() == "1"
        assert len(registered.client.search_model_versions(f"name='{registered.name}'")) == 1
    assert step(**arguments, run_id="run-3")[1::2] == (["unchanged"], [])
    assert sorted(world.services()) == [f"first-{number}" for number in range(1, len(FIRST_RELEASE) + 1)]


@BOTH_WAYS
def test_a_canary(world, registered, release, step, before, mode):
    first, second = registered.version(), registered.version()
    for kill_at in range(1, len(CANARY) + 1):
        world.service = f"canary-{kill_at}"
        release(**first, deployment_mode=mode)
        code, _, output, _ = step(kill_at, before, **second, run_id="run-1")
        assert code == -9, output
        code, answer, output, _ = step(**second, run_id="run-1" if kill_at % 2 else "run-2")
        assert (code, answer) == (0, ["canary"]), output
        _, newest = world.record()["releases"]
        assert (newest["state"], newest["epoch"], newest["weight"]) == ("serving", 2, 10)
        assert newest["previous_spec"]["predictor"]["model"]["storageUri"] == first["uri"]
        spec = world.live()["spec"]
        if mode == "Standard":
            assert [each["predictor"]["name"] for each in spec["canary"]] == ["v2"]
        else:
            assert spec["predictor"]["canaryTrafficPercent"] == 10
        assert world.live()["metadata"]["annotations"]["kfp-lifecycle/champion-version"] == "1"


@pytest.mark.parametrize(("before", "mode"), [(True, "Standard"), (False, "Knative")])
def test_a_canary_that_is_refused(world, registered, release, step, before, mode):
    first, second = registered.version(), registered.version()
    world.behaviour.fails.add("2")
    lines = REFUSED if mode == "Standard" else REFUSED_KNATIVE
    for kill_at in range(1, len(lines) + 1):
        world.service = f"refused-{kill_at}"
        release(**first, deployment_mode=mode)
        code, _, output, _ = step(kill_at, before, **second, run_id="run-1")
        assert code == -9, output
        code, answer, output, _ = step(**second, run_id="run-1")
        assert (code, answer) == (0, ["refused"]), output
        spec = world.live()["spec"]
        assert spec["predictor"]["model"]["storageUri"] == first["uri"]
        assert "canary" not in spec
        assert "canaryTrafficPercent" not in spec["predictor"]
        newest = world.record()["releases"][-1]
        assert (newest["state"], newest["finished_at"] is None) == ("refused", False)


def test_the_list_of_writes_is_complete(world, registered, step):
    first, second, third = registered.version(), registered.version(), registered.version()
    world.behaviour.fails.add("3")
    for version, lines in ((first, FIRST_RELEASE), (second, CANARY)):
        _, answer, output, seen = step(**version, deployment_mode="Standard")
        assert len(seen) == len(lines), (answer, output)
        assert all(re.fullmatch(pattern, line) for pattern, line in zip(lines, seen, strict=True))
    world.service = "other"
    for mode, lines in (("Standard", REFUSED), ("Knative", REFUSED_KNATIVE)):
        world.service = f"other-{mode.lower()}"
        step(**first, deployment_mode=mode)
        _, answer, output, seen = step(**third)
        assert answer == ["refused"], output
        assert all(re.fullmatch(pattern, line) for pattern, line in zip(lines, seen, strict=True))
