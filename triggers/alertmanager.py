"""Alertmanager's webhook, version 4 of its payload: one event for each alert of the group."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from kfp_lifecycle.triggers.events import Event, Kind, Malformed

LARGEST_GROUP = 100


class _Alert(BaseModel):
    # Alertmanager may add fields; those that are read have to have their types.
    model_config = ConfigDict(strict=True, extra="ignore")

    status: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: str
    endsAt: str = ""
    generatorURL: str = ""
    fingerprint: str


class _Group(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    version: str
    groupKey: str
    receiver: str
    status: str
    groupLabels: dict[str, str] = {}
    commonLabels: dict[str, str] = {}
    commonAnnotations: dict[str, str] = {}
    externalURL: str = ""
    alerts: list[_Alert]


def events(body: bytes) -> list[Event]:
    """The alerts of a delivery.

    Raises:
        Malformed: it is no webhook of version 4, or a group of more than 100 alerts.
    """
    try:
        content = json.loads(body)
        group = _Group.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Malformed(f"no webhook of Alertmanager: {place or 'the body'}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the body is no JSON ({type(error).__name__})") from error
    if group.version != "4":
        raise Malformed(f"version {group.version[:20]!r} of Alertmanager's webhook: expected version 4")
    if not 0 < len(group.alerts) <= LARGEST_GROUP:
        raise Malformed(
            f"{len(group.alerts)} alerts in one group: expected 1 to {LARGEST_GROUP}. Set max_alerts in Alertmanager."
        )
    shared = group.model_dump(exclude={"alerts", "version", "status"})
    return [_event(group, alert, shared) for alert in group.alerts]


def _event(group: _Group, alert: _Alert, shared: dict[str, Any]) -> Event:
    fields = {**shared, **alert.model_dump()}
    return Event(Kind.ALERTMANAGER, group.receiver, alert.status, alert.labels, fields)
