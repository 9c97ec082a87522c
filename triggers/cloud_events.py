"""CloudEvents over HTTP, in structured and in binary mode."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, from_binary_event, from_structured_event
from cloudevents.core.exceptions import BaseCloudEventException

from kfp_lifecycle.triggers.events import Event, Kind, Malformed

STRUCTURED = "application/cloudevents+json"
_JSON = re.compile(r"\s*(application|text)/([\w.-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_OWN = {"id", "source", "type", "specversion", "datacontenttype", "dataschema", "subject", "time"}


def event(headers: Mapping[str, str], body: bytes) -> Event:
    """The event of one request.

    Raises:
        Malformed: it is no CloudEvent of version 1.0, or it has no id.
    """
    structured = headers.get("content-type", "").partition(";")[0].strip().lower() == STRUCTURED
    if not structured and "ce-specversion" not in headers:
        raise Malformed(f"no CloudEvent: send content type {STRUCTURED}, or the headers ce-specversion, ce-id, ...")
    message = HTTPMessage(dict(headers), body)
    try:
        # The library would make up an id for an event without one, and a new one for each delivery of it.
        if structured:
            _require_id(body)
        elif not headers.get("ce-id"):
            raise Malformed("the CloudEvent has no id")
        elif body and _JSON.fullmatch(headers.get("content-type", "")):
            # The library would take broken JSON for a text.
            json.loads(body)
        found = (from_structured_event if structured else from_binary_event)(message)
    except Malformed:
        raise
    # The library lets the errors of what it parses through, whatever they are.
    except (BaseCloudEventException, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise Malformed(f"no CloudEvent: {str(error)[:300]}") from error
    return _event(found.get_attributes(), found.get_data())


def _require_id(body: bytes) -> None:
    content = json.loads(body)
    if not isinstance(content, dict):
        raise Malformed("no CloudEvent: the body is no JSON object")
    for name in ("id", "specversion"):
        if not content.get(name):
            raise Malformed(f"the CloudEvent has no {name}")


def _event(attributes: Mapping[str, Any], data: Any) -> Event:
    if attributes.get("specversion") != "1.0":
        raise Malformed("the CloudEvent is not of version 1.0")
    labels = {name: str(found) for name, found in attributes.items() if name not in _OWN and found is not None}
    known = {name: found for name, found in attributes.items() if name in _OWN and found is not None}
    for name, found in known.items():
        if isinstance(found, datetime):
            known[name] = found.isoformat()
    if known.get("subject"):
        labels.setdefault("subject", str(known["subject"]))
    fields = {**known, "labels": labels, **({"data": data} if data is not None else {})}
    return Event(Kind.CLOUDEVENTS, str(known["source"]), str(known["type"]), labels, fields)
