from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kfp import compiler
from tests.local.status_page.site import package, task

from kfp_lifecycle.local.kfp_api.states import FAILED, RUNNING, SKIPPED, SUCCEEDED
from kfp_lifecycle.local.kfp_api.tasks import Task
from kfp_lifecycle.local.status_page import drawing
from kfp_lifecycle.local.status_page.graph import Graph, GraphError, Group, condition_in_words, read, steps
from kfp_lifecycle.pipelines.train_and_release import train_and_release


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The largest pipeline of ours, compiled."""
    path = tmp_path_factory.mktemp("packages") / "train_and_release.yaml"
    compiler.Compiler().compile(train_and_release, str(path))
    document: dict[str, Any] = next(yaml.safe_load_all(path.read_text()))
    return document


def _groups(graph: Graph) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in graph.items:
        if isinstance(item, Group):
            found |= {item.title: item.note} | _groups(item.graph)
    return found


def test_train_and_release_is_told_by_its_names_and_conditions(released: dict[str, Any]) -> None:
    graph = read(released)
    known = {
        "release": "its last step follows however these end",
        "valid": "if validate-outcome is 'pass'",
        "not-valid": "unless validate-outcome is 'pass'",
        "good-enough": "if evaluate-outcome is 'pass'",
        "not-good-enough": "unless evaluate-outcome is 'pass'",
        "canary": "if deploy-outcome is 'canary'",
        "no-canary": "unless deploy-outcome is 'canary'",
        "no-worse": "if judge-outcome is 'promote'",
        "not-shown-to-be-no-worse": "unless judge-outcome is 'promote'",
    }
    assert known.items() <= _groups(graph).items()
    titles = [step.title for step in steps(graph)]
    assert len(titles) == len(set(titles)) >= 15
    assert {"collect", "judge", "conclude after promote"} <= set(titles)


def test_train_and_release_fits_a_usual_window(released: dict[str, Any]) -> None:
    found = drawing.draw(released, [], finished=False, now=0).layout
    # Up to here it is shown without being made much smaller.
    assert found.width < 1300
    assert found.height < 1500


def test_an_if_comes_before_its_else_and_after_the_task_that_decides() -> None:
    branch = {"dag": {"tasks": {"x": task("x")}}}
    branches = {"dag": {"tasks": {f"condition-{number}": task(f"condition-{number}") for number in (10, 9)}}}
    graph = read(
        package(
            tasks={"decide": task("decide"), "condition-branches-1": task("condition-branches-1", "decide")},
            **{"comp-condition-branches-1": branches, "comp-condition-9": branch, "comp-condition-10": branch},
        )[0]
    )
    assert [item.key.rpartition("/")[2] for item in graph.items] == ["condition-9", "condition-10", "decide"]
    assert graph.edges == {(2, 0), (2, 1)}


def test_a_loop_tells_over_what() -> None:
    loop = task("for-loop-1", parameterIterator={"itemInput": "item", "items": {"raw": '["x", "y"]'}})
    graph = read(package(tasks={"for-loop-1": loop}, **{"comp-for-loop-1": {"dag": {"tasks": {"x": task("x")}}}})[0])
    [group] = graph.items
    assert isinstance(group, Group)
    assert (group.kind, group.title) == ("loop", 'for each of ["x", "y"]')


def test_a_condition_that_has_no_short_form_stays_as_it_is() -> None:
    both = "inputs.parameter_values['a'] == 'x' && !(inputs.parameter_values['pipelinechannel--b'] > 3)"
    assert condition_in_words(both) == "if a is 'x' and !(b > 3)"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "no task graph"),
        ({"root": {"dag": {"tasks": {"a": {}}}}}, "no task graph"),
        ({"root": {"dag": {"tasks": ["a"]}}}, "no task graph"),
        (package(tasks={"a": task("a", "b"), "b": task("b", "a")})[0], "circle"),
        (package(tasks={"a": task("a")}, **{"comp-a": {"dag": {"tasks": {"a": task("a")}}}})[0], "nested"),
        (package(tasks={f"t{number}": task(f"t{number}") for number in range(500)})[0], "more than 400"),
    ],
)
def test_a_package_that_cannot_be_drawn_says_why(document: dict[str, Any], why: str) -> None:
    with pytest.raises(GraphError, match=why):
        drawing.draw(document, [], finished=False, now=0)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["root", "dag", "tasks", "components", "componentRef", "name", "taskInfo", "dependentTasks", "a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["root", "components", "a"]), _JSON))
def test_whatever_a_package_holds_the_answer_is_a_drawing_or_a_reason(document: dict[str, Any]) -> None:
    try:
        drawing.draw(document, [], finished=False, now=0)
    except GraphError as error:
        assert str(error)


def test_a_step_shows_its_state_and_a_loop_the_worst_of_its_executions() -> None:
    executed = [
        Task("r", 0, "load", SUCCEEDED, 10, 14),
        Task("r", 1, "train", SUCCEEDED, 14, 15),
        Task("r", 2, "train", FAILED, 14, 16),
        Task("r", 3, "train", RUNNING, 14),
    ]
    found = drawing.draw(package()[0], executed, finished=False, now=20)
    shown = {step.box.item.title: (step.text, step.kind, step.number) for step in found.steps}
    assert shown == {"load": ("succeeded · 4.0 s", "good", 0), "train": ("failed · 3×", "bad", 2)}
    assert found.summary == "1 succeeded, 1 failed"


def test_a_task_that_was_not_executed_waits_until_the_run_has_ended() -> None:
    document = package()[0]
    for finished, text in ((False, "waiting"), (True, "not run")):
        found = drawing.draw(document, [], finished=finished, now=0)
        assert {(step.text, step.number) for step in found.steps} == {(text, None)}


def test_a_cached_task_took_no_time() -> None:
    [step, _] = drawing.draw(package()[0], [Task("r", 0, "load", SKIPPED, 10, 9.9)], finished=True, now=20).steps
    assert (step.text, step.kind) == ("cached", "good")


def test_two_tasks_of_one_component_take_its_executions_in_turn() -> None:
    document = package(tasks={"item": task("item"), "item-2": task("item", "item")})[0]
    executed = [Task("r", 0, "item", SUCCEEDED, 0, 1), Task("r", 1, "item", FAILED, 1, 2)]
    found = drawing.draw(document, executed, finished=True, now=9)
    assert [(step.box.item.key, step.number) for step in found.steps] == [("item", 0), ("item-2", 1)]


def test_numbers_in_names_sort_as_such_whatever_digits_they_have() -> None:
    names = ["step-10", "step-9", "step-²", "step-٣", f"step-{'9' * 5000}"]
    found = read(package(tasks={name: task(name) for name in names})[0])
    keys = [item.key for item in found.items]
    assert sorted(keys) == sorted(names)
    assert keys.index("step-9") < keys.index("step-10")
