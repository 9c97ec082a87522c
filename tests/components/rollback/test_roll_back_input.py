"""Is a roll back that cannot be meant refused before anything is written?"""

from __future__ import annotations

import pytest

from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.core.errors import InputError


@pytest.fixture
def refused(world, call):
    def run(**arguments) -> str:
        world.proxy.writes.seen.clear()
        with pytest.raises(InputError) as caught:
            call(roll_back, **{"service": world.service, **arguments})
        assert world.proxy.writes.seen == []
        return str(caught.value)

    return run


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("service", "No_Name"), ("version", "v2"), ("timeout_seconds", 0), ("namespace", "nowhere")],
)
def test_an_argument_that_cannot_be_used_is_named(refused, parameter, value):
    assert refused(**{parameter: value}).startswith(f"{parameter}=")


def test_an_exit_handler_cannot_undo_a_promotion(refused):
    assert refused(run_id="run", undo_promotion=True).startswith("undo_promotion=True: expected false where run_id")


def test_a_service_that_does_not_exist(refused):
    assert "expected an InferenceService in namespace 'team'" in refused()


def test_a_service_without_a_record(world, registered, release, refused):
    release(**registered.version())
    world.call("DELETE", f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{world.service}")
    assert "expected a service with a release record" in refused()


def test_a_service_without_a_champion(world, registered, release, refused):
    world.behaviour.fails.add("1")
    release(**registered.version())
    assert "expected a service with a champion" in refused(undo_promotion=True)


def test_the_record_of_another_service(world, registered, release, refused):
    release(**registered.version())
    path = f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{world.service}"
    found = world.call("GET", path)
    found["data"]["record.json"] = found["data"]["record.json"].replace(world.service, "other")
    world.call("PUT", path, found)
    assert "expected the record of this service, not of 'other'" in refused()
