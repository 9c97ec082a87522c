"""``schedules.yaml``: the recurring runs that a team declares."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from kfp_lifecycle.core.cron import checked_cron
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.located_yaml import LocatedYaml, Location, read_located
from kfp_lifecycle.core.window import parse_duration, parse_time

LATEST = "latest"
DEFAULT_EXPERIMENT = "Default"
_SCHEMA = Path(__file__).with_name("schedules.schema.json")


@dataclass(frozen=True)
class Schedule:
    """One recurring run as declared; the schema says what each field means.

    Attributes:
        every: seconds between two runs; 0 where ``cron`` says when.
        location: its place in the file.
    """

    name: str
    pipeline: str
    version: str = LATEST
    cron: str = ""
    every: int = 0
    start: datetime | None = None
    end: datetime | None = None
    max_concurrency: int = 1
    catch_up: bool = False
    enabled: bool = True
    parameters: dict[str, Any] = field(default_factory=dict)
    experiment: str = DEFAULT_EXPERIMENT
    service_account: str = ""
    location: Location = ()


@dataclass(frozen=True)
class Declared:
    """The content of one file, and where in it each part stands."""

    owner: str
    schedules: tuple[Schedule, ...]
    file: LocatedYaml


def read_schedules(path: str | Path) -> Declared:
    """Read a file, strictly.

    Raises:
        InputError: names file, line and place of what is wrong.
    """
    file = read_located(path)
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    if error := best_match(Draft202012Validator(schema).iter_errors(file.value)):
        raise _refusal(file, error, error.schema)
    schedules = tuple(_schedule(file, number, item) for number, item in enumerate(file.value["schedules"]))
    names = [schedule.name for schedule in schedules]
    for number, name in enumerate(names):
        if name in names[:number]:
            place = ("schedules", number, "name")
            raise InputError(file.where(place), name, "each name once", "Give one of the two another name.")
    return Declared(file.value["owner"], schedules, file)


def _schedule(file: LocatedYaml, number: int, item: dict[str, Any]) -> Schedule:
    location: Location = ("schedules", number)
    if ("cron" in item) == ("every" in item):
        raise InputError(
            file.where(location),
            {key: item[key] for key in ("cron", "every") if key in item},
            "either cron or every",
            "Write for example cron: '0 0 3 * * *' or every: PT30M.",
        )

    def moment(key: str) -> datetime | None:
        return parse_time(item[key], file.where((*location, key))).replace(microsecond=0) if key in item else None

    given = {key: value for key, value in item.items() if key not in ("cron", "every", "start", "end")}
    schedule = Schedule(
        **given,
        cron=_cron(item["cron"], file.where((*location, "cron"))) if "cron" in item else "",
        every=_seconds(item["every"], file.where((*location, "every"))) if "every" in item else 0,
        start=moment("start"),
        end=moment("end"),
        location=location,
    )
    if schedule.end and schedule.end <= (schedule.start or datetime.min.replace(tzinfo=UTC)):
        raise InputError(file.where((*location, "end")), item["end"], "a time after start", "Move one of the two.")
    return schedule


def _cron(text: str, where: str) -> str:
    try:
        return checked_cron(text)
    except InputError as error:
        raise InputError(where, text, error.expected, error.remedy) from error


def _seconds(text: str, where: str) -> int:
    try:
        return int(parse_duration(text, where).total_seconds())
    except OverflowError as error:
        raise InputError(where, text, "a duration of less than a million years", "Write for example PT30M.") from error


def _refusal(file: LocatedYaml, error: ValidationError, schema: Any) -> InputError:
    location: Location = tuple(error.absolute_path)
    value: Any = error.instance
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        unknown = next(key for key in value if key not in known)
        near = difflib.get_close_matches(unknown, known, n=1)
        remedy = f"Did you mean {near[0]}?" if near else "Delete it."
        return InputError(file.where((*location, unknown)), unknown, f"one of {', '.join(known)}", remedy)
    if error.validator == "required":
        missing = next(key for key in schema["required"] if key not in value)
        location, schema, value = (*location, missing), schema["properties"][missing], None
    return InputError(file.where(location), value, schema["description"], f"Write for example {schema['examples'][0]}.")
