"""Arms, rollouts and weights of Standard mode."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.local.kserve_controller.observed import pod, predictor, service

from kfp_lifecycle.local.gateway.routing import weighted
from kfp_lifecycle.local.kserve_controller.standard import arms, rollout, weights
from kfp_lifecycle.local.kserve_controller.standard_plan import Surroundings, standard_plan

AROUND = Surroundings(domain="example.com", progress_deadline=600, now=100.0)


def found(manifest: dict[str, Any], *not_propagated: str) -> Any:
    return arms(manifest, not_propagated=not_propagated)


def test_arms_are_named_by_their_predictor() -> None:
    unnamed, canary = found(service(predictor("1"), (10, predictor("2", name="v2"))))
    assert (unnamed.deployment, unnamed.percent) == ("demo-predictor", 90)
    assert (canary.deployment, canary.percent, canary.replicas) == ("demo-v2-predictor", 10, 1)


def test_a_canary_inherits_what_it_leaves_unset() -> None:
    stable = predictor("1", timeout=30)
    stable["model"]["env"] = [{"name": "A", "value": "1"}]
    _, canary = found(service(stable, (10, {"name": "v2", "model": {"storageUri": "file:///models/2"}})))
    assert canary.template.storage_uri == "file:///models/2"
    assert canary.template.environment == (("A", "1"),)


def test_replicas_of_a_canary_follow_its_share() -> None:
    stable = predictor("1", minReplicas=4)
    bare = {"name": "v2", "model": {"storageUri": "file:///models/2"}}
    replicas = [found(service(stable, (percent, bare)))[1].replicas for percent in (0, 1, 25, 26, 100)]
    assert replicas == [0, 1, 1, 2, 4]
    assert found(service(stable, (0, bare | {"minReplicas": 1})))[1].replicas == 1


def test_a_promoted_canary_keeps_its_template() -> None:
    canary = predictor("2", name="v2")
    in_canary = canary | {"model": {"name": "kserve-container", **canary["model"]}}
    [_, before] = found(service(predictor("1", name="v1"), (10, in_canary)))
    [after] = found(service(canary))
    assert (after.deployment, after.template) == (before.deployment, before.template)


def test_an_annotation_changes_the_template_unless_it_is_kept_out() -> None:
    plain, annotated = service(predictor("1")), service(predictor("1"), owner="me")
    assert found(plain)[0].template != found(annotated)[0].template
    assert found(plain)[0].template == found(annotated, "owner")[0].template


def test_a_rollout_keeps_the_old_pod_until_the_new_one_is_ready() -> None:
    [arm] = found(service(predictor("2")))
    old = pod(arm.deployment, "old")
    assert rollout(arm, [old]).start
    waiting = rollout(arm, [old, pod(arm.deployment, arm.template, ready=False)])
    assert (waiting.start, waiting.stop, waiting.available, waiting.complete) == (False, (), True, False)
    done = rollout(arm, [old, pod(arm.deployment, arm.template)])
    assert (done.stop, done.complete) == ((old.spec.name,), True)


def test_an_old_pod_of_no_use_goes_at_once() -> None:
    [arm] = found(service(predictor("2")))
    assert rollout(arm, [pod(arm.deployment, "old", ready=False)]).stop


@given(
    st.lists(st.tuples(st.integers(0, 33), st.booleans()), max_size=3),
)
def test_weights_add_up_and_leave_out_what_is_not_ready(canaries: list[tuple[int, bool]]) -> None:
    entries = [(percent, predictor(str(n), name=f"c{n}")) for n, (percent, _) in enumerate(canaries)]
    all_arms = found(service(predictor("0", name="s"), *entries))
    ready = {f"demo-c{n}-predictor": is_ready for n, (_, is_ready) in enumerate(canaries)}
    split = dict(weights(all_arms, ready))
    assert sum(split.values()) == 100
    assert set(split) == {"demo-s-predictor"} | {name for name, is_ready in ready.items() if is_ready}


SPECS = [
    service(predictor("1", name="v1")),
    service(predictor("1", name="v1"), (0, predictor("2", name="v2"))),
    service(predictor("1", name="v1"), (50, predictor("2", name="v2"))),
    service(predictor("1", name="v1"), (100, predictor("2", name="v2"))),
    service(predictor("2", name="v2")),
    service(predictor("2", name="v2"), (20, predictor("3", name="v3"))),
]


@given(st.data())
def test_no_share_goes_to_an_arm_whose_last_ready_pod_is_stopped(data: st.DataObject) -> None:
    """For every spec after every state of pods; the frozen route of an unready stable arm is the one exception."""
    manifest = data.draw(st.sampled_from(SPECS))
    pods = []
    for arm in found(data.draw(st.sampled_from(SPECS))):
        for digest in data.draw(st.sets(st.sampled_from([arm.template.digest, "old"]))):
            is_ready = data.draw(st.booleans())
            pods.append(
                pod(arm.deployment, digest, ready=is_ready, port=9000 + len(pods), name=f"{arm.deployment}-{digest}")
            )
    plan = standard_plan(manifest, pods, AROUND)
    kept = {one.spec.name: one for one in pods if one.spec.name not in plan.stop}
    backends = {plan.route.cluster(one.revision): one for one in plan.route.backends}
    for backend in plan.route.backends:
        serving = [one for one in kept.values() if one.spec.revision == backend.revision and one.status.ready]
        assert set(backend.ports) == {one.status.port for one in serving}
    if plan.weights is not None:
        for name in weighted(plan.route):
            stable = name == f"default_{plan.weights[0][0]}"
            own_host_only = name.removeprefix("default_") not in dict(plan.weights)
            assert backends[name].ports or stable or own_host_only
        assert sum(share for _, share in plan.weights) == 100
        assert dict(plan.weights).get(plan.weights[0][0]) is not None


def test_the_route_is_left_alone_while_the_stable_predictor_is_not_ready() -> None:
    manifest = service(predictor("1", name="v1"), (50, predictor("2", name="v2")))
    stable, canary = found(manifest)
    pods = [pod(stable.deployment, stable.template, ready=False), pod(canary.deployment, canary.template)]
    frozen = (("demo-v1-predictor", 90), ("demo-v0-predictor", 10))
    plan = standard_plan(manifest, pods, Surroundings("example.com", 600, 100.0, weights=frozen))
    assert plan.weights is None
    assert plan.route.routes[0].weights == frozen
    # The arm that is gone has no server: its share fails, as it does behind a Service without endpoints.
    assert {one.revision: one.ports for one in plan.route.backends}["demo-v0-predictor"] == ()
