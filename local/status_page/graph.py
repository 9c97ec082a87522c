"""The task graph of a compiled pipeline: its steps, and the groups around them. Pure.

A group is what the compiler made a sub-DAG of: a condition, a loop, an exit handler, a pipeline within the pipeline.
The sub-DAG that only holds the branches of one If with its Else is left out: its branches stand in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DEEPEST = 16
_LARGEST = 400
_VALUE = re.compile(r"inputs\.parameter_values\['(?:pipelinechannel--)?([^']*)'\]")
# Python reads no number of thousands of digits.
_NUMBER = re.compile(r"([0-9]{1,18})")
_GENERATED = re.compile(r"(condition|for-loop|exit-handler)-\d+")


class GraphError(ValueError):
    """The graph cannot be drawn; the message says why."""


@dataclass(frozen=True)
class Step:
    """A task that is executed.

    Attributes:
        names: under which of them its executions may be known: of the task, and of its component.
    """

    key: str
    title: str
    names: frozenset[str]


@dataclass(frozen=True)
class Group:
    """Steps that belong together; ``note`` says in words when, or how often, they are executed."""

    key: str
    kind: str
    title: str
    note: str
    graph: Graph


@dataclass(frozen=True)
class Graph:
    """Items by their place, and the edges between the places: the second waits for the first."""

    items: tuple[Step | Group, ...]
    edges: frozenset[tuple[int, int]]


def read(document: Mapping[str, Any]) -> Graph:
    """The graph of a compiled pipeline.

    Raises:
        GraphError: it is no such document, or too large or too deep to be drawn.
    """
    try:
        reader = _Reader(document.get("components") or {})
        return reader.graph(document["root"]["dag"]["tasks"], 0)
    except (KeyError, TypeError, AttributeError) as error:
        raise GraphError(f"the package holds no task graph ({type(error).__name__}: {error})") from error


def steps(graph: Graph) -> list[Step]:
    """Every step, in the order of the drawing."""
    found: list[Step] = []
    for item in graph.items:
        found += [item] if isinstance(item, Step) else steps(item.graph)
    return found


def condition_in_words(condition: str) -> str:
    """A trigger condition as a reader wants it.

    >>> condition_in_words("!(inputs.parameter_values['pipelinechannel--judge-outcome'] == 'promote')")
    "unless judge-outcome is 'promote'"
    """
    text = _VALUE.sub(r"\1", condition).strip()
    word = "if"
    if text.startswith("!(") and text.endswith(")") and text.count("(") == text.count(")") == 1:
        word, text = "unless", text[2:-1]
    return f"{word} {text.replace(' == ', ' is ').replace(' != ', ' is not ').replace('&&', 'and').replace('||', 'or')}"


@dataclass
class _Reader:
    components: Mapping[str, Any]
    left: int = _LARGEST

    def graph(self, tasks: Mapping[str, Any], depth: int) -> Graph:
        if depth > _DEEPEST:
            raise GraphError(f"its groups are nested more than {_DEEPEST} deep")
        spliced, stands_for = self._without_branches(tasks, depth)
        places = {key: place for place, key in enumerate(sorted(spliced, key=_natural))}
        items = tuple(self._item(key, spliced[key], depth) for key in places)
        edges = {
            (places[before], places[key])
            for key, task in spliced.items()
            for name in task.get("dependentTasks") or ()
            for before in stands_for.get(name, (name,))
            if before in places and before != key
        }
        return Graph(items, frozenset(edges))

    def _without_branches(
        self, tasks: Mapping[str, Any], depth: int
    ) -> tuple[dict[str, Mapping[str, Any]], dict[str, list[str]]]:
        """The tasks with branches in place of what holds them, and which tasks stand for which name."""
        spliced: dict[str, Mapping[str, Any]] = {}
        stands_for: dict[str, list[str]] = {}
        for name, task in tasks.items():
            if not str((task.get("taskInfo") or {}).get("name", "")).startswith("condition-branches-"):
                spliced[name] = task
                continue
            before = list(task.get("dependentTasks") or ())
            for inner, branch in self._dag(task)["tasks"].items():
                key = f"{name}/{inner}"
                spliced[key] = {**branch, "dependentTasks": before}
                stands_for.setdefault(name, []).append(key)
        return spliced, stands_for

    def _item(self, key: str, task: Mapping[str, Any], depth: int) -> Step | Group:
        self.left -= 1
        if self.left < 0:
            raise GraphError(f"it has more than {_LARGEST} tasks and groups")
        name = key.rpartition("/")[2]
        title = str((task.get("taskInfo") or {}).get("name") or name)
        component = str(task["componentRef"]["name"])
        if not self._dag(task):
            return Step(key, title, frozenset({name, component.removeprefix("comp-")}))
        kind, note = _kind(component, task)
        if _GENERATED.fullmatch(title):
            title, note = (note or kind), ""
        return Group(key, kind, title, note, self.graph(self._dag(task)["tasks"], depth + 1))

    def _dag(self, task: Mapping[str, Any]) -> Mapping[str, Any]:
        dag: Mapping[str, Any] = (self.components.get(task["componentRef"]["name"]) or {}).get("dag") or {}
        return dag


def _kind(component: str, task: Mapping[str, Any]) -> tuple[str, str]:
    """The group's kind, and the note that tells what it does."""
    condition = str((task.get("triggerPolicy") or {}).get("condition") or "")
    if condition:
        return "condition", condition_in_words(condition)
    iterator = task.get("parameterIterator") or task.get("artifactIterator")
    if iterator:
        items = iterator.get("items") or {}
        given = items.get("raw") or items.get("inputParameter") or items.get("inputArtifact") or "its items"
        text = given if isinstance(given, str) else json.dumps(given)
        return "loop", f"for each of {text.removeprefix('pipelinechannel--')}"
    if component.startswith("comp-exit-handler-"):
        return "exit handler", "its last step follows however these end"
    return "pipeline", "a pipeline within the pipeline"


def _natural(key: str) -> list[tuple[bool, int, str]]:
    """Sorts condition-9 before condition-10, so that an If comes before its Else."""
    return [
        (False, 0, part) if place % 2 == 0 else (True, int(part), part) for place, part in enumerate(_NUMBER.split(key))
    ]
