"""Do merge patch and JSON patch keep the laws of their RFCs?"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kfp_lifecycle.local.kubernetes_api.patches import (
    PatchError,
    UnsupportedDirective,
    json_patch,
    merge_patch,
    strategic_patch,
)
from kfp_lifecycle.local.kubernetes_api.schema import same

KEYS = st.sampled_from(["a", "b", "c/d", "e~f", ""])
PLAIN = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", "1"])
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=12)
OBJECTS = st.dictionaries(KEYS, VALUES)
lawful = settings(max_examples=100, deadline=None)


def without_nulls(value: Any) -> Any:
    """Objects without null entries (a merge patch cannot make those)."""
    if isinstance(value, dict):
        return {name: without_nulls(child) for name, child in value.items() if child is not None}
    return value


def merge_difference(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    changed = {
        name: merge_difference(old.get(name), new[name])
        for name in new
        if name not in old or not same(old[name], new[name])
    }
    return {**dict.fromkeys(old.keys() - new.keys()), **changed}


def escaped(path: tuple[str, ...]) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def operations(old: Any, new: Any, path: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """A JSON patch from one value to another."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = [{"op": "remove", "path": escaped((*path, name))} for name in old if name not in new]
        for name, child in new.items():
            below = (*path, name)
            found += (
                operations(old[name], child, below)
                if name in old
                else [{"op": "add", "path": escaped(below), "value": child}]
            )
        return found
    return [] if same(old, new) else [{"op": "replace", "path": escaped(path), "value": new}]


@given(OBJECTS, OBJECTS)
@example({"a": [False]}, {"a": [0]})
@lawful
def test_a_merge_patch_made_of_the_difference_leads_to_the_goal(old: Any, new: Any) -> None:
    old, new = without_nulls(old), without_nulls(new)
    assert same(merge_patch(old, merge_difference(old, new)), new)


@given(OBJECTS, OBJECTS)
@lawful
def test_a_merge_patch_twice_is_a_merge_patch_once_and_spoils_nothing(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert same(merge_patch(once, patch), once)
    assert same([target, patch], list(before))


@pytest.mark.parametrize(
    ("target", "patch", "outcome"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7386_hold(target: Any, patch: Any, outcome: Any) -> None:
    assert same(merge_patch(target, patch), outcome)


@given(VALUES, VALUES)
@lawful
def test_a_json_patch_made_of_the_difference_leads_to_the_goal(old: Any, new: Any) -> None:
    before = copy.deepcopy(old)
    assert same(json_patch(old, operations(old, new)), new)
    assert same(old, before)


@given(st.lists(VALUES, min_size=1, max_size=4), VALUES, st.data())
@lawful
def test_what_is_added_to_a_list_and_removed_again_leaves_it_as_it_was(items: list[Any], new: Any, data: Any) -> None:
    place = data.draw(st.integers(0, len(items)))
    add = {"op": "add", "path": f"/list/{place}", "value": new}
    longer = json_patch({"list": items}, [add])
    assert same(longer["list"], [*items[:place], new, *items[place:]])
    assert same(json_patch(longer, [{"op": "remove", "path": f"/list/{place}"}]), {"list": items})
    other = json_patch({"list": [*items, 1]}, [{"op": "replace", "path": f"/list/{place}", "value": new}])
    assert same(other["list"], [*items[:place], new, *[*items, 1][place + 1 :]])
    end = json_patch({"list": items}, [{**add, "path": "/list/-"}])
    assert same(end["list"], [*items, new])


@given(OBJECTS)
@lawful
def test_move_and_copy_are_made_of_the_others(target: Any) -> None:
    target["source"] = {"x": 1}
    moved = json_patch(target, [{"op": "move", "from": "/source", "path": "/target"}])
    assert "source" not in moved and moved["target"] == {"x": 1}
    copied = json_patch(target, [{"op": "copy", "from": "/source", "path": "/target"}])
    assert copied["source"] == copied["target"] == {"x": 1}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/absent"},
        {"op": "remove", "path": ""},
        {"op": "test", "path": "/a", "value": 1.0},
        {"op": "test", "path": "/a", "value": True},
        {"op": "add", "path": "/list/3", "value": 1},
        {"op": "add", "path": "/list/-1", "value": 1},
        {"op": "replace", "path": "/list/2", "value": 1},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "add", "path": "relative", "value": 1},
        {"op": "add", "path": "/b"},
        {"op": "copy", "path": "/b"},
        {"op": "nope", "path": "/a"},
        {"path": "/a"},
        {"op": "add", "value": 1},
    ],
)
def test_what_does_not_fit_is_refused(operation: Any) -> None:
    with pytest.raises(PatchError):
        json_patch({"a": 1, "list": [1, 2]}, [operation])


def test_a_strategic_patch_merges_the_lists_that_are_known_and_refuses_the_others() -> None:
    ready, old = {"type": "Ready", "status": "True"}, {"type": "Old", "status": "True"}
    live = {"status": {"conditions": [old, {"type": "Ready", "status": "False", "reason": "r"}]}}
    patched = strategic_patch(live, {"status": {"conditions": [ready]}})
    assert patched["status"]["conditions"] == [{**ready, "reason": "r"}, old]
    for patch in ({"spec": {"containers": [{"name": "c"}]}}, {"data": {"$retainKeys": ["a"]}}):
        with pytest.raises(UnsupportedDirective):
            strategic_patch({}, patch)
