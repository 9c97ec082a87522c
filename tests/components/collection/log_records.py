"""Requests and answers as KServe's logger and senders of CloudEvents write them."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TYPE = "org.kubeflow.serving.inference.{}"
POD = "flights-predictor-00002-deployment-7c4b6f5b9d-x2k4z"


def go_url(text: str) -> dict[str, Any]:
    """A URL as Go writes it to JSON."""
    empty = {"Scheme": "", "Opaque": "", "User": None, "Host": "", "Path": text, "RawPath": "", "OmitHost": False}
    return {**empty, "ForceQuery": False, "RawQuery": "", "Fragment": "", "RawFragment": ""}


def go_time(time: datetime) -> str:
    """A time as Go writes it, in nanoseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


def kserve_record(
    number: int | str,
    kind: str,
    body: Any,
    *,
    time: datetime | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A record of the blob logger, as its JSON marshaller gives it; a body of bytes goes as it is."""
    plain = body if isinstance(body, bytes) else json.dumps(body).encode()
    after = timedelta(seconds=number if isinstance(number, int) else 0, milliseconds=5 * (kind == "response"))
    record = {
        "url": go_url("/logs"),
        "bytes": base64.b64encode(plain).decode(),
        "contentType": "application/json",
        "reqType": TYPE.format(kind),
        "id": f"id-{number}" if isinstance(number, int) else number,
        "sourceUri": go_url(POD),
        "inferenceService": "flights",
        "namespace": "team",
        "component": "predictor",
        "occurrenceTime": go_time(time or NOON + after),
    }
    if headers:
        record["metadata"] = {name.title(): [value] for name, value in headers.items()}
    return record


def kserve_parquet(*records: Mapping[str, Any]) -> bytes:
    """The records as the Parquet marshaller gives them: texts, and no time."""
    names = ("bytes", "contentType", "reqType", "id", "inferenceService", "namespace", "component")
    rows = [
        {
            "url": "s3://logs",
            **{name: record[name] for name in names},
            "sourceUri": record["sourceUri"]["Path"],
            "endpoint": "",
            "metadata": json.dumps(record["metadata"]) if "metadata" in record else "{}",
            "annotations": "",
            "certName": "",
            "tlsSkipVerify": False,
        }
        for record in records
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def cloud_event(
    number: int, kind: str, body: Any, *, headers: Mapping[str, str] | None = None, time: datetime | None = None
) -> str:
    """A CloudEvent in JSON by the official SDK; a body of bytes travels in base64."""
    after = timedelta(seconds=number, milliseconds=5 * (kind == "response"))
    attributes = {
        "id": f"id-{number}",
        "source": POD,
        "type": TYPE.format(kind),
        "specversion": "1.0",
        "time": time or NOON + after,
        "inferenceservicename": "flights",
        "metadata": json.dumps({name.title(): [value] for name, value in (headers or {}).items()}),
    }
    if not isinstance(body, bytes):
        attributes["datacontenttype"] = "application/json"
    return JSONFormat().write(CloudEvent(attributes, body)).decode()


def lines(*records: Any) -> str:
    """JSON lines; a text is a line as it is."""
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


ASKED = {"instances": [{"hour": 7, "carrier": "AA"}, {"hour": 8.5, "carrier": None}]}
ANSWERED = {"predictions": ["no", "yes"], "probabilities": [[0.75, 0.25], [0.1, 0.9]], "classes": ["no", "yes"]}


def put_pair(workshop: Any, form: str, number: int, asked: Any = ASKED, answered: Any = ANSWERED, **more: Any) -> None:
    """A request and its answer as the logger of the form writes them, without batches."""
    for kind, body in (("request", asked), ("response", answered)):
        if body is None:
            continue
        name = f"team/flights/predictor/id-{number}-{kind}"
        if form == "cloudevents":
            workshop.put(f"{name}.jsonl", cloud_event(number, kind, body, **more) + "\n")
        elif form == "json":
            workshop.put(f"{name}.json", json.dumps(kserve_record(number, kind, body, **more)).encode())
        else:
            uri = workshop.put(f"{name}.parquet", kserve_parquet(kserve_record(number, kind, body, **more)))
            at = (more.get("time") or NOON + timedelta(seconds=number)).timestamp()
            os.utime(uri, (at, at))
