"""The mapping file: which events start which pipeline, with which parameters, and once for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.located_yaml import read_located
from kfp_lifecycle.triggers import retrain_rules, templates
from kfp_lifecycle.triggers.events import FIELDS, Event, Kind
from kfp_lifecycle.triggers.retrain_rules import RetrainBlock, RetrainRule
from kfp_lifecycle.triggers.templates import Template, TemplateError

FIRING = "firing"
_ONCE = {Kind.ALERTMANAGER: "{fingerprint}/{startsAt}", Kind.CLOUDEVENTS: "{source}/{id}"}
_Text = Annotated[str, Field(min_length=1, max_length=1000)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Match(_Strict):
    source: str = ""
    type: str = ""
    labels: dict[str, str] = {}


class _Rule(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$")]
    kind: Literal["alertmanager", "cloudevents"]
    match: _Match = _Match()
    pipeline: _Text
    parameters: dict[str, JsonValue] = {}
    once_key: str = ""
    retrain: RetrainBlock | None = None
    experiment: _Text = "Default"
    service_account: str = ""


class _File(_Strict):
    version: Literal[1]
    rules: Annotated[list[_Rule], Field(min_length=1, max_length=200)]


@dataclass(frozen=True)
class Rule:
    """One entry of the file.

    Attributes:
        parameters: values as they stand in the file; texts are templates.
        once_key: what may happen once a rule; where it is a retrain, that has a key of its own.
    """

    name: str
    kind: Kind
    source: str
    type: str
    labels: Mapping[str, str]
    pipeline: str
    parameters: Mapping[str, Template | JsonValue]
    once_key: Template
    experiment: str
    service_account: str
    retrain: RetrainRule | None = None

    def fits(self, event: Event, *, whatever_type: bool = False) -> bool:
        """Whether the event is meant; what the rule does not name may be anything.

        Args:
            whatever_type: leave the type out of it.
        """
        return (
            event.kind is self.kind
            and self.source in ("", event.source)
            and (whatever_type or self.type in ("", event.type))
            and all(event.labels.get(name) == wanted for name, wanted in self.labels.items())
        )


def load(path: str | Path) -> tuple[Rule, ...]:
    """Read a mapping file.

    Raises:
        InputError: names file, line and place of what is wrong.
    """
    found = read_located(path)
    try:
        file = _File.model_validate(found.value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise InputError(
            found.where(tuple(first["loc"])), first["input"], first["msg"], "docs/triggers.md lists what it takes."
        ) from error
    names = [rule.name for rule in file.rules]
    rules = []
    for number, rule in enumerate(file.rules):
        if rule.name in names[:number]:
            place = found.where(("rules", number, "name"))
            raise InputError(place, rule.name, "another name for each rule", "Keys are counted by rule: rename one.")
        rules.append(_rule(rule, lambda *place, number=number: found.where(("rules", number, *place))))
    return tuple(rules)


def choose(rules: Sequence[Rule], event: Event) -> Rule | None:
    """The first rule that fits."""
    return next((rule for rule in rules if rule.fits(event)), None)


def is_known(rules: Sequence[Rule], event: Event) -> bool:
    """Whether it is an alert that a rule would fit in its other state, such as the end of one that starts a run."""
    return event.kind is Kind.ALERTMANAGER and any(rule.fits(event, whatever_type=True) for rule in rules)


def _rule(rule: _Rule, where: Callable[..., str]) -> Rule:
    kind = Kind(rule.kind)

    def template(text: str, *place: str | int) -> Template:
        return _template(text, kind, where(*place))

    parameters = {
        name: template(given, "parameters", name) if isinstance(given, str) else given
        for name, given in rule.parameters.items()
    }
    retrain = None
    if rule.retrain:
        if rule.once_key:
            raise InputError(
                where("once_key"), rule.once_key, "none beside retrain", "Model, environment, trigger and window are "
                "the key of a retrain: remove it."
            )  # fmt: skip
        retrain = retrain_rules.read(
            rule.retrain, lambda text, name: template(text, "retrain", name), lambda name: where("retrain", name)
        )
    once_key = template(rule.once_key or _ONCE[kind], "once_key")
    if not once_key.lookups:
        raise InputError(
            where("once_key"), rule.once_key, "a lookup of the event", f"Write for example {_ONCE[kind]!r}, else the "
            "first event ever is the only one that starts a run."
        )  # fmt: skip
    type = rule.match.type or (FIRING if kind is Kind.ALERTMANAGER else "")
    return Rule(
        rule.name, kind, rule.match.source, type, rule.match.labels, rule.pipeline, parameters, once_key,
        rule.experiment, rule.service_account, retrain,
    )  # fmt: skip


def _template(text: str, kind: Kind, where: str) -> Template:
    try:
        parsed = templates.parse(text)
    except TemplateError as error:
        raise InputError(where, text, "a text with lookups", f"{error}.") from error
    unknown = [path for path in parsed.lookups if path[0] not in FIELDS[kind]]
    if unknown:
        raise InputError(
            where, text, f"lookups that begin with one of {sorted(FIELDS[kind])}", f"An event of {kind} has nothing "
            f"else: correct {'.'.join(unknown[0])}."
        )  # fmt: skip
    return parsed
