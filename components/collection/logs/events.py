"""Requests and answers as loggers record them: CloudEvents, and what KServe's blob logger writes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kfp_lifecycle.components.collection.logs.values import Malformed, NoPrediction, checked_text, parse_json, usable_id
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import parse_time

_LONGEST_ID = 1024
# A pod is called REVISION-deployment-HASH-XXXXX on Knative, and DEPLOYMENT-HASH-XXXXX elsewhere.
_POD = re.compile(r"(?P<revision>.+?)(-deployment)?-[a-z0-9]{1,10}-[a-z0-9]{5}")


@dataclass(frozen=True)
class Event:
    """One request or one answer.

    Attributes:
        id: shared by a request and its answer.
        is_answer: of the two, which.
        time: when it came in or went out; None where the record does not say.
        body: as it was sent.
        request_id: the header ``x-request-id``, where the logger kept it.
        event_time: the header ``x-event-time``, likewise.
        revision: of the model server.
    """

    id: str
    is_answer: bool
    time: datetime | None
    body: bytes
    request_id: str | None = None
    event_time: datetime | None = None
    revision: str | None = None


def read_cloud_event(record: Any) -> Event:
    """A CloudEvent 1.0 in JSON, as KServe's logger sends it.

    Raises:
        NoPrediction: an event of another type.
        Malformed: no CloudEvent, or one without id, type or data.
    """
    if not isinstance(record, dict) or "specversion" not in record:
        raise Malformed("no CloudEvent")
    return Event(
        **_identity(record.get("id"), record.get("type")),
        time=_instant(record.get("time")),
        body=_event_body(record),
        **_from_headers(record.get("metadata")),
        revision=_revision(record.get("source")),
    )


def read_kserve_record(record: Any, modified: datetime | None = None) -> Event:
    """A record of KServe's blob logger, from JSON or from a row of Parquet.

    Args:
        record: its fields.
        modified: when the file was written; stands for the time that Parquet does not hold.

    Raises:
        NoPrediction: a record of another type.
        Malformed: no such record, or one without id, type or bytes.
    """
    if not isinstance(record, Mapping) or "reqType" not in record:
        raise Malformed("no record of KServe's logger")
    return Event(
        **_identity(record.get("id"), record.get("reqType")),
        time=_instant(record.get("occurrenceTime")) or modified,
        body=_decoded(record.get("bytes") or ""),
        **_from_headers(record.get("metadata")),
        revision=_revision(record.get("sourceUri")),
    )


def _identity(given: Any, kind: Any) -> dict[str, Any]:
    if not isinstance(given, str) or not given or len(given) > _LONGEST_ID or not isinstance(kind, str):
        raise Malformed(f"without an id of at most {_LONGEST_ID} characters, or without a type")
    if not kind.endswith((".request", ".response")):
        raise NoPrediction(kind)
    return {"id": checked_text(given, "id"), "is_answer": kind.endswith(".response")}


def _event_body(record: Mapping[str, Any]) -> bytes:
    if "data_base64" in record:
        return _decoded(record["data_base64"])
    data = record.get("data")
    if data is None:
        return b""
    if isinstance(data, str):
        return _spelled(data)
    # Spelled anew: what was decoded once can be decoded again.
    return _spelled(json.dumps(data))


def _spelled(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("data that are not Unicode") from error


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str):
        raise Malformed("bytes that are no base64 text")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"bytes that are no base64 text: {error}") from error


def _from_headers(metadata: Any) -> dict[str, Any]:
    """What the headers that the logger was told to keep say; a text is the JSON of the object."""
    if isinstance(metadata, str) and metadata:
        metadata = parse_json(metadata)
    if not isinstance(metadata, Mapping):
        return {}
    headers = {str(name).lower(): values for name, values in metadata.items()}
    return {
        "request_id": usable_id(_first(headers.get("x-request-id"))),
        "event_time": _instant(_first(headers.get("x-event-time"))),
    }


def _first(values: Any) -> str | None:
    value = values[0] if isinstance(values, list) and values else values
    return value if isinstance(value, str) else None


def _instant(value: Any) -> datetime | None:
    """A time, in UTC to the microsecond; None for anything else, as a header may hold what it likes."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if not isinstance(value, str) or not value or len(value) > 64:
        return None
    try:
        # Go writes nanoseconds, of which Python reads six digits and cuts the others off.
        return parse_time(value)
    except (InputError, OverflowError):
        return None


def _revision(source: Any) -> str | None:
    """The revision of the pod that a source names; another source as it is."""
    if isinstance(source, Mapping):
        # Go's URL as JSON: a pod's name alone is a path.
        source = source.get("Host") or source.get("Path")
    if not isinstance(source, str) or not source or len(source) > _LONGEST_ID:
        return None
    pod = checked_text(source, "source").strip("/")
    match = _POD.fullmatch(pod)
    return match["revision"] if match else pod
