"""Does server-side apply keep its promises for any configuration of any two owners?"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kfp_lifecycle.local.kubernetes_api.comparison import compare, field_set
from kfp_lifecycle.local.kubernetes_api.fieldsets import from_tree, to_tree
from kfp_lifecycle.local.kubernetes_api.managers import ApplyConflict, Manager, decode, ownable
from kfp_lifecycle.local.kubernetes_api.objects import Author, applied, replaced
from kfp_lifecycle.local.kubernetes_api.resources import INFERENCE_SERVICE
from kfp_lifecycle.local.kubernetes_api.schema import same, schema_of

Object = dict[str, Any]
SCHEMA = schema_of(INFERENCE_SERVICE)
NUMBERS = st.integers(0, 5)
NAMES = st.sampled_from("ABCD")
# Not empty: an empty list with keys is a field of nobody, here as in the real server, and so outlives its owner.
ENVIRONMENT = st.dictionaries(NAMES, st.sampled_from(["1", "2"]), min_size=1, max_size=4).map(
    lambda values: [{"name": name, "value": value} for name, value in values.items()]
)
CANARY = st.lists(st.fixed_dictionaries({"trafficPercent": NUMBERS, "predictor": st.just({})}), max_size=2)
PREDICTOR = st.fixed_dictionaries(
    {},
    optional={
        "minReplicas": NUMBERS,
        "maxReplicas": NUMBERS,
        "nodeSelector": st.dictionaries(NAMES, st.sampled_from("xy"), max_size=3),
        "model": st.fixed_dictionaries(
            {"modelFormat": st.fixed_dictionaries({"name": st.sampled_from("pq")})},
            optional={"storageUri": st.sampled_from(["s3://a", "s3://b"]), "env": ENVIRONMENT},
        ),
    },
)
CONFIGS = st.builds(
    lambda labels, predictor, canary: configuration(labels, {"predictor": predictor, **canary}),
    st.dictionaries(NAMES.map(str.lower), st.sampled_from("uv"), max_size=3),
    PREDICTOR,
    st.fixed_dictionaries({}, optional={"canary": CANARY}),
)
promised = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def configuration(labels: Object, spec: Object) -> Object:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "x", **({"labels": labels} if labels else {})},
        "spec": spec,
    }


def apply(live: Object | None, config: Object, manager: str, force: bool = False) -> Object:
    author = Author(manager, "2026-01-01T00:00:00Z")
    found = applied(INFERENCE_SERVICE, live, copy.deepcopy(config), "team", author, force=force)
    return found if found is live else {**found, "metadata": {**found["metadata"], "resourceVersion": "1"}}


def content(obj: Object) -> Object:
    return {"labels": obj["metadata"].get("labels", {}), "spec": obj["spec"]}


def owned(obj: Object, manager: str) -> frozenset[tuple[str, ...]]:
    key = Manager(manager, "Apply", INFERENCE_SERVICE.api_version)
    managers = decode(obj["metadata"].get("managedFields", ()))
    return managers[key].fields if key in managers else frozenset()


@given(CONFIGS)
@promised
def test_applying_the_same_again_changes_nothing(config: Object) -> None:
    live = apply(None, config, "alice")
    assert apply(live, config, "alice") is live


@given(CONFIGS, CONFIGS)
@promised
def test_a_sole_owner_gets_exactly_what_it_applied_last(first: Object, last: Object) -> None:
    live = apply(apply(None, first, "alice"), last, "alice")
    fresh = apply(None, last, "alice")
    assert same(content(live), content(fresh))
    assert owned(live, "alice") == owned(fresh, "alice")


@given(CONFIGS, CONFIGS)
@promised
def test_every_owned_field_exists_and_every_field_has_an_owner(first: Object, second: Object) -> None:
    live = apply(apply(None, first, "alice"), second, "bob", force=True)
    bare = {**live, "metadata": {key: value for key, value in live["metadata"].items() if key != "managedFields"}}
    present = ownable(field_set(bare, SCHEMA))
    owners = owned(live, "alice") | owned(live, "bob")
    assert present <= owners
    # An owner of an empty object keeps it in its list when somebody else fills it.
    assert all(path in present or any(leaf[: len(path)] == path for leaf in present) for path in owners)


@given(CONFIGS, CONFIGS)
@promised
def test_a_forced_apply_wins_and_takes_only_what_it_changed(first: Object, second: Object) -> None:
    before = apply(None, first, "alice")
    after = apply(before, second, "bob", force=True)
    assert owned(after, "bob") == owned(apply(None, second, "bob"), "bob")
    changed = compare(content(before), content(after), {"properties": {**SCHEMA["properties"], "labels": {}}})
    assert not {path for path in owned(after, "alice") if path[0] == "f:spec"} & changed.written


@given(CONFIGS, CONFIGS)
@promised
def test_a_conflict_is_raised_exactly_when_a_field_of_the_other_would_change(first: Object, second: Object) -> None:
    live = apply(None, first, "alice")
    forced = apply(live, second, "bob", force=True)
    loses = owned(live, "alice") - owned(forced, "alice")
    try:
        free = apply(live, second, "bob")
    except ApplyConflict as conflict:
        assert {path for _, path in conflict.taken} == loses != set()
    else:
        assert not loses and same(content(free), content(forced))


@given(CONFIGS, st.data())
@promised
def test_two_owners_of_disjoint_leaves_never_conflict_and_part_without_a_trace(config: Object, data: Any) -> None:
    mine, theirs = copy.deepcopy(config), copy.deepcopy(config)
    for part in (("metadata", "labels"), ("spec", "predictor"), ("spec",)):  # "predictor" itself stays with both
        left, right = mine, theirs
        for step in part:
            left, right = left.get(step, {}), right.get(step, {})
        for name in list(left):
            if name != "predictor":
                (left if data.draw(st.booleans()) else right).pop(name)
    for side in (mine, theirs):
        side["metadata"] = {
            "name": "x",
            **({"labels": side["metadata"]["labels"]} if side["metadata"].get("labels") else {}),
        }
    alone = apply(None, mine, "alice")
    both = apply(alone, theirs, "bob")
    assert same(content(both), content(apply(None, config, "alice")))
    left_again = apply(both, {**theirs, "metadata": {"name": "x"}, "spec": {"predictor": {}}}, "bob")
    assert same(content(left_again), content(alone))


@given(CONFIGS, CONFIGS)
@promised
def test_an_update_owns_what_it_changed_and_keeps_the_rest(first: Object, second: Object) -> None:
    live = apply(None, first, "alice")
    author = Author("editor", "2026-01-01T00:00:05Z")
    after = replaced(INFERENCE_SERVICE, live, copy.deepcopy(second), author)
    change = compare({"spec": live["spec"]}, {"spec": after["spec"]}, SCHEMA)
    editor = Manager("editor", "Update", INFERENCE_SERVICE.api_version)
    fields = decode(after["metadata"].get("managedFields", ()))
    gained = {path for path in fields[editor].fields if path[0] == "f:spec"} if editor in fields else set()
    assert gained == change.written
    assert {path for path in owned(after, "alice") if path[0] == "f:spec"} == {
        path for path in owned(live, "alice") if path[0] == "f:spec"
    } - change.written - change.removed


@given(
    st.frozensets(st.lists(st.sampled_from(["f:a", "f:b", 'k:{"n":"x"}', "v:1"]), min_size=1, max_size=4).map(tuple))
)
def test_a_set_of_fields_survives_its_tree(fields: frozenset[tuple[str, ...]]) -> None:
    assert from_tree(to_tree(fields)) == fields


def test_the_order_of_the_configuration_rules_for_its_own_items_only() -> None:
    def environment(*names: str) -> Object:
        items = [{"name": name, "value": "1"} for name in names]
        return configuration({}, {"predictor": {"model": {"modelFormat": {"name": "p"}, "env": items}}})

    def order(obj: Object) -> str:
        return "".join(item["name"] for item in obj["spec"]["predictor"]["model"]["env"])

    live = apply(apply(None, environment("A", "B"), "alice"), environment("C"), "bob")
    assert order(live) == "ABC"
    assert order(apply(live, environment("B", "A"), "alice")) == "BCA"
    assert order(apply(live, environment("D", "A", "B"), "alice")) == "DABC"


def test_a_conflict_names_every_owner_and_field() -> None:
    live = apply(None, configuration({"a": "u"}, {"predictor": {"minReplicas": 1, "maxReplicas": 2}}), "alice")
    with pytest.raises(ApplyConflict) as two:
        apply(live, configuration({}, {"predictor": {"minReplicas": 3, "maxReplicas": 4}}), "bob")
    assert str(two.value) == (
        'Apply failed with 2 conflicts: conflicts with "alice":\n- .spec.predictor.maxReplicas\n'
        "- .spec.predictor.minReplicas"
    )
