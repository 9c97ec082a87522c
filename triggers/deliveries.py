"""What a delivery asks for: which rule, what may happen once, and with which parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.retraining import Cause
from kfp_lifecycle.triggers import mapping, retrain_rules, templates
from kfp_lifecycle.triggers.events import Event, Malformed
from kfp_lifecycle.triggers.mapping import Rule
from kfp_lifecycle.triggers.templates import LookupFailed, Template

_SHOWN = 200


class Unmapped(LookupError):
    """No rule fits any event of the delivery."""


@dataclass(frozen=True)
class Wanted:
    """One run that an event asks for.

    Attributes:
        cause: of a retrain; None for any other run.
    """

    rule: Rule
    key: str
    parameters: Mapping[str, Any]
    cause: Cause | None = None


@dataclass(frozen=True)
class Delivery:
    """What a delivery comes to.

    Attributes:
        wanted: at most one for each key.
        ignored: events of another type than a rule that fits otherwise, such as the end of an alert.
        unmapped: events that no rule fits, beside others that one does.
    """

    wanted: tuple[Wanted, ...]
    ignored: int
    unmapped: int


def read(rules: Sequence[Rule], events: Sequence[Event]) -> Delivery:
    """Find the rule of each event and fill in its templates, all of them before anything is started.

    Raises:
        Unmapped: there is no rule for any of them.
        Malformed: an event lacks what its rule looks up.
    """
    chosen = [(event, mapping.choose(rules, event)) for event in events]
    unruled = [event for event, rule in chosen if rule is None]
    ignored = sum(mapping.is_known(rules, event) for event in unruled)
    unmapped = len(unruled) - ignored
    if unmapped == len(events):
        raise Unmapped("no rule of the mapping fits")
    found = {wanted.key: wanted for event, rule in chosen if rule for wanted in [_wanted(rule, event)]}
    return Delivery(tuple(found.values()), ignored, unmapped)


def once_key(rule: str, template: Template, fields: Mapping[str, Any]) -> str:
    """The key of an event: readable, and another one for other values, wherever one ends and the next begins.

    Raises:
        templates.LookupFailed: the event lacks something.
    """
    parts = templates.texts(template, fields)
    digest = sha256_bytes(canonical_json([rule, *(_encodable(part) for part in parts)]))
    shown = "".join(sign if sign.isprintable() else "?" for sign in "".join(parts))
    return f"{rule}/{shown[:_SHOWN]}#{digest[:32]}"


def _wanted(rule: Rule, event: Event) -> Wanted:
    try:
        cause = retrain_rules.cause(rule.retrain, event.fields) if rule.retrain else None
        key = cause.key if cause else once_key(rule.name, rule.once_key, event.fields)
        parameters = {
            name: templates.value(given, event.fields) if isinstance(given, Template) else given
            for name, given in rule.parameters.items()
        }
        canonical_json(parameters)
    except (LookupFailed, Malformed) as error:
        raise Malformed(f"the rule {rule.name!r} cannot be filled in: {error}") from error
    except ValueError as error:
        # Python's reader takes NaN, Infinity and half of a character pair, which no other one does.
        raise Malformed(f"the event holds what JSON cannot: {type(error).__name__}") from error
    return Wanted(rule, key, parameters, cause)


def _encodable(text: str) -> str:
    """JSON may hold half of a character pair, which UTF-8 cannot."""
    return text.encode("utf-8", "backslashreplace").decode()
