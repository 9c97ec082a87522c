"""Is a promotion that cannot be meant refused before anything is written?"""

from __future__ import annotations

import pytest

from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.core.errors import InputError


@pytest.fixture
def refused(world, registered, call):
    def run(**arguments) -> str:
        world.proxy.writes.seen.clear()
        values = {"service": world.service, "model_name": registered.name, "version": "2", **arguments}
        with pytest.raises(InputError) as caught:
            call(promote, **values)
        assert world.proxy.writes.seen == []
        return str(caught.value)

    return run


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("service", "No_Name"),
        ("version", "v2"),
        ("version", ""),
        ("version", "0"),
        ("model_name", "a/b"),
        ("environment", "Prod"),
        ("timeout_seconds", 0),
        ("timeout_seconds", True),
        ("namespace", "nowhere"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(refused, parameter, value):
    assert refused(**{parameter: value}).startswith(f"{parameter}=")


def test_a_service_that_does_not_exist(refused):
    assert "expected an InferenceService in namespace 'team'" in refused(service="missing")


def test_a_service_without_a_record(world, registered, release, refused):
    release(**registered.version())
    world.call("DELETE", f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{world.service}")
    assert "expected a service with a release record" in refused()


def test_a_service_without_a_champion(world, registered, release, refused):
    world.behaviour.fails.add("1")
    release(**registered.version())
    assert "expected a service with a champion" in refused(version="1")


def test_the_record_of_another_service(world, registered, release, refused):
    release(**registered.version())
    path = f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{world.service}"
    found = world.call("GET", path)
    found["data"]["record.json"] = found["data"]["record.json"].replace(world.service, "other")
    world.call("PUT", path, found)
    assert "expected the record of this service, not of 'other'" in refused()


def test_another_model_or_environment_than_the_services(registered, release, refused):
    release(**registered.version())
    assert refused(model_name="other").startswith("model_name='other'")
    assert refused(environment="staging").startswith("environment='staging': expected 'prod'")
