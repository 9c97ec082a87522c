"""Rules whose events ask for the retrain of a model: the same one that a monitor asks for, within the same limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.release import DEFAULT_ENVIRONMENT
from kfp_lifecycle.core.retrain_inputs import DEFAULT_TRIGGER, read_cause, read_limits
from kfp_lifecycle.core.retraining import Cause, Limits
from kfp_lifecycle.triggers import templates
from kfp_lifecycle.triggers.events import Malformed
from kfp_lifecycle.triggers.templates import LookupFailed, Template

_Text = Annotated[str, Field(min_length=1, max_length=1000)]
_EXAMPLE = "2026-01-01/2026-01-08"


class RetrainBlock(BaseModel):
    """The field ``retrain`` of a rule as it stands in the file; all texts but the limits are templates."""

    model_config = ConfigDict(strict=True, extra="forbid")

    model_name: _Text
    window: _Text
    environment: _Text = DEFAULT_ENVIRONMENT
    trigger: _Text = DEFAULT_TRIGGER
    as_of: str = ""
    cooldown: str = "P7D"
    budget: int = 4
    budget_period: _Text = "P28D"
    max_running: int = 1


@dataclass(frozen=True)
class RetrainRule:
    """What an event is looked up for, and how often the model may be retrained."""

    model_name: Template
    window: Template
    environment: Template
    trigger: Template
    as_of: Template
    limits: Limits


def read(block: RetrainBlock, template: Callable[[str, str], Template], where: Callable[[str], str]) -> RetrainRule:
    """The rule of a block.

    Args:
        template: parses the text of a field, given the text and the field's name.
        where: the place of a field in the file.

    Raises:
        InputError: a limit cannot be kept, or a text that no event changes cannot be used.
    """
    try:
        limits = read_limits(
            cooldown=block.cooldown,
            budget=block.budget,
            budget_period=block.budget_period,
            max_running=block.max_running,
        )
    except InputError as error:
        raise InputError(where(error.parameter), error.value, error.expected, error.remedy) from error
    rule = RetrainRule(
        template(block.model_name, "model_name"),
        template(block.window, "window"),
        template(block.environment, "environment"),
        template(block.trigger, "trigger"),
        template(block.as_of, "as_of"),
        limits,
    )
    if not rule.window.lookups:
        raise InputError(
            where("window"), block.window, "a lookup of the event", "Else the first event ever is the only one that "
            "starts a run."
        )  # fmt: skip
    try:
        # What no event changes is checked now.
        read_cause(
            model=_fixed(rule.model_name, "model"),
            environment=_fixed(rule.environment, DEFAULT_ENVIRONMENT),
            trigger=_fixed(rule.trigger, DEFAULT_TRIGGER),
            window=_EXAMPLE,
            as_of=_fixed(rule.as_of, ""),
        )
    except InputError as error:
        raise InputError(where(error.parameter), error.value, error.expected, error.remedy) from error
    return rule


def cause(rule: RetrainRule, fields: Mapping[str, Any]) -> Cause:
    """What an event asks to be retrained, and for which window.

    Raises:
        Malformed: the event lacks something, or what it has cannot be used.
    """
    try:
        return read_cause(
            model=_text(rule.model_name, fields),
            window=_text(rule.window, fields),
            environment=_text(rule.environment, fields),
            trigger=_text(rule.trigger, fields),
            as_of=_text(rule.as_of, fields),
        )
    except (LookupFailed, InputError) as error:
        raise Malformed(f"no retrain can be asked for by it: {error}") from error


def _text(template: Template, fields: Mapping[str, Any]) -> str:
    return "".join(templates.texts(template, fields))


def _fixed(template: Template, otherwise: str) -> str:
    return otherwise if template.lookups else _text(template, {})
