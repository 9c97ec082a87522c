"""The values of a settings file, each checked where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.located_yaml import LocatedYaml, Location
from kfp_lifecycle.pipelines.task_settings import Toleration

CPU = re.compile(r"([0-9]*\.)?[0-9]+m?")
MEMORY = re.compile(r"[0-9]+([EPTGMK]i?)?")
OBJECT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
KEY = re.compile(r"[A-Za-z0-9_.-]{1,253}")
LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_OPERATORS = ("Equal", "Exists")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Place:
    """A value of a file, and where it stands."""

    file: LocatedYaml
    location: Location
    value: Any

    @property
    def path(self) -> str:
        """File, line and way, such as ``settings.yaml:7 tasks.train.cpu.request``."""
        return self.file.where(self.location)

    def inner(self, step: str | int, value: Any) -> Place:
        """A part of this value."""
        return Place(self.file, (*self.location, step), value)

    def refuse(self, expected: str, remedy: str) -> InputError:
        """The error for a value that is not what was expected."""
        return InputError(self.path, self.value, expected, remedy)

    def parts(self, allowed: tuple[str, ...] = ()) -> dict[str, Place]:
        """A mapping's values; its keys are texts, and among those allowed if any are given."""
        if not isinstance(self.value, dict):
            raise self.refuse("a mapping of names to values", "Write lines 'name: value' below it, indented.")
        found = {name: self.inner(name, it) for name, it in self.value.items()}
        for name, place in found.items():
            if allowed and name not in allowed:
                raise place.refuse(f"one of {', '.join(allowed)}", f"Remove {name!r} or correct its spelling.")
        return found

    def items(self) -> list[Place]:
        """A list's values, each with its number."""
        if not isinstance(self.value, list):
            raise self.refuse("a list", "Write lines '- value' below it.")
        return [self.inner(number, value) for number, value in enumerate(self.value)]


def matching(pattern: re.Pattern[str], expected: str, example: str) -> Callable[[Place], str]:
    """A check for text of this form; numbers are taken as they are written."""

    def check(place: Place) -> str:
        number = isinstance(place.value, int | float) and not isinstance(place.value, bool)
        text = str(place.value) if number else place.value
        if not isinstance(text, str) or not pattern.fullmatch(text):
            raise place.refuse(expected, f"Write for example {example}.")
        return text

    return check


def whole_number(smallest: int, largest: int) -> Callable[[Place], int]:
    """A check for a whole number within these bounds."""

    def check(place: Place) -> int:
        value = place.value
        if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= largest:
            raise place.refuse(f"a whole number from {smallest} to {largest}", f"Write for example {smallest}.")
        return int(value)

    return check


def true_or_false(place: Place) -> bool:
    if not isinstance(place.value, bool):
        raise place.refuse("true or false", "Write it without quotes.")
    return place.value


def texts(keys: re.Pattern[str], values: re.Pattern[str] | None, what: str) -> Callable[[Place], Mapping[str, str]]:
    """A check for a mapping of text to text; ``what`` is one entry in words."""

    def check(place: Place) -> Mapping[str, str]:
        for name, part in place.parts().items():
            if not keys.fullmatch(name):
                raise part.refuse(f"{what}, whose key {name!r} is not", "Correct the key.")
            # Kubernetes wants text, and YAML makes true, 1 and 2024-01-01 something else.
            if not isinstance(part.value, str) or (values and not values.fullmatch(part.value)):
                raise part.refuse(what, 'Put it in quotes, such as "true".')
        return dict(sorted(place.value.items()))

    return check


def variables(place: Place) -> Mapping[str, tuple[str, ...]]:
    """Objects by name, each with the keys that become variables of the same name."""
    name_of_object = matching(OBJECT, "the name of an object of Kubernetes", "team-database")
    name_of_variable = matching(VARIABLE, "a key that can be a variable's name", "DB_PASSWORD")
    found = {}
    for name, part in sorted(place.parts().items()):
        name_of_object(Place(part.file, part.location, name))
        found[name] = tuple(name_of_variable(item) for item in part.items())
    return found


def objects(place: Place) -> tuple[str, ...]:
    """Names of objects."""
    return tuple(matching(OBJECT, "the name of an object of Kubernetes", "registry")(item) for item in place.items())


def tolerations(place: Place) -> tuple[Toleration, ...]:
    """Tolerations by the rules of Kubernetes: without a key only Exists, with Exists no value."""
    return tuple(_toleration(item) for item in place.items())


def _toleration(place: Place) -> Toleration:
    parts = place.parts(("key", "operator", "value", "effect", "seconds"))

    def read(name: str, check: Callable[[Place], _Value], otherwise: _Value) -> _Value:
        return check(parts[name]) if name in parts else otherwise

    found = Toleration(
        key=read("key", matching(LABEL_KEY, "the key of a taint", "nvidia.com/gpu"), ""),
        operator=read("operator", _one_of(_OPERATORS), "Equal"),
        value=read("value", matching(LABEL_VALUE, "the value of a taint", "training"), ""),
        effect=read("effect", _one_of(_EFFECTS), ""),
        seconds=read("seconds", whole_number(0, 10**7), None),
    )
    if not found.key and found.operator != "Exists":
        raise place.refuse("a key, or the operator Exists", "Write for example {key: gpu, operator: Exists}.")
    if found.operator == "Exists" and found.value:
        raise place.refuse("no value with the operator Exists", "Remove the value, or write operator: Equal.")
    if found.seconds is not None and found.effect != "NoExecute":
        raise place.refuse("seconds with the effect NoExecute only", "Remove seconds, or write effect: NoExecute.")
    return found


def _one_of(allowed: tuple[str, ...]) -> Callable[[Place], str]:
    def check(place: Place) -> str:
        if place.value not in allowed:
            raise place.refuse(f"one of {', '.join(allowed)}", f"Write for example {allowed[0]}.")
        return str(place.value)

    return check
