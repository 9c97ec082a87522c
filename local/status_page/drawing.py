"""The task graph of a run with the states of its tasks, ready for the template. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kfp_api import states
from kfp_lifecycle.local.kfp_api.tasks import Task
from kfp_lifecycle.local.status_page import graph as graphs
from kfp_lifecycle.local.status_page import words
from kfp_lifecycle.local.status_page.graph import Step
from kfp_lifecycle.local.status_page.graph_layout import Box, Layout, Line, layout

# Of several executions of one task, as in a loop, the first of these is what the task shows.
_TELLING = (states.FAILED, states.RUNNING, states.CANCELING, states.PENDING, states.CANCELED, states.SUCCEEDED)


@dataclass(frozen=True)
class DrawnStep:
    """A step's box with what became of it; ``number`` is the task to link to, None where it was not executed."""

    box: Box
    kind: str
    text: str
    number: int | None


@dataclass(frozen=True)
class Drawing:
    """Everything that the template draws."""

    layout: Layout
    groups: tuple[Box, ...]
    steps: tuple[DrawnStep, ...]
    paths: tuple[str, ...]
    summary: str


def draw(document: Mapping[str, Any], tasks: Sequence[Task] | None, *, finished: bool, now: float) -> Drawing:
    """Draw a run's graph; with None as tasks a pipeline's, which has no states.

    Raises:
        GraphError: the package holds no graph that can be drawn.
    """
    graph = graphs.read(document)
    placed = layout(graph)
    executions = _by_step(graphs.steps(graph), tasks or ())
    steps = tuple(
        DrawnStep(box, "", "", None) if tasks is None else _drawn(box, executions[box.item.key], finished, now)
        for box in placed.boxes
        if isinstance(box.item, Step)
    )
    groups = tuple(box for box in placed.boxes if not isinstance(box.item, Step))
    counts: dict[str, int] = {}
    for step in steps:
        word = step.text.partition(" · ")[0]
        counts[word] = counts.get(word, 0) + 1
    summary = ", ".join(f"{count} {word or 'tasks'}" for word, count in counts.items())
    return Drawing(placed, groups, steps, tuple(map(path_of, placed.lines)), summary)


def path_of(line: Line) -> str:
    """The edge as the ``d`` of an SVG path; a bend is a curve that stays within its strip."""
    (x, y), *rest = line.points
    parts = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        middle = (y + to_y) / 2
        straight = abs(to_x - x) < 0.5
        parts.append(
            f"V{to_y:.1f}" if straight else f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        )
        x, y = (x if straight else to_x), to_y
    return "".join(parts)


def _by_step(steps: Sequence[Step], tasks: Sequence[Task]) -> dict[str, list[Task]]:
    """The executions of each step.

    Two tasks of one component are known under the component's name alone. Without a loop they take the executions in
    turn; else each shows all of them, as nothing tells them apart.
    """
    found: dict[str, list[Task]] = {step.key: [] for step in steps}
    for name in {task.name for task in tasks}:
        same = [task for task in tasks if task.name == name]
        owners = [step for step in steps if name in step.names]
        exact = [step for step in owners if step.key.rpartition("/")[2] == name]
        if len(owners) > 1 and len(same) == len(owners):
            for step, task in zip(owners, same, strict=True):
                found[step.key].append(task)
        else:
            for step in owners if len(same) > len(owners) else (exact or owners)[:1]:
                found[step.key] += same
    return found


def _drawn(box: Box, executions: Sequence[Task], finished: bool, now: float) -> DrawnStep:
    if not executions:
        return DrawnStep(box, "off" if finished else "wait", "not run" if finished else "waiting", None)
    telling = min(executions, key=lambda task: (_rank(task.state), task.number))
    took = [(task.finished or now) - task.started for task in executions if task.started is not None]
    text = words.state_word(telling.state)
    # There is room for one of them.
    if len(executions) > 1:
        text += f" · {len(executions)}×"
    elif took and telling.state != states.SKIPPED:
        text += f" · {words.rough_duration(took[0])}"
    return DrawnStep(box, words.state_kind(telling.state), text, telling.number)


def _rank(state: str) -> int:
    return _TELLING.index(state) if state in _TELLING else len(_TELLING)
