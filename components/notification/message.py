"""A message in the words of its receiver. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from kfp_lifecycle.core.redaction import redacted
from kfp_lifecycle.core.run_ending import RunEnding, RunOutcome
from kfp_lifecycle.core.window import format_time

EVENT = "kfp-lifecycle.run.ended"
_LONGEST = 600
_WELL = {RunOutcome.PROMOTED, RunOutcome.FIRST_RELEASE, RunOutcome.SUCCEEDED}


class Format(StrEnum):
    """What a receiver understands."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    CLOUDEVENTS = "cloudevents"


@dataclass(frozen=True)
class Message:
    """What is told: KFP's state of the run, what it came to, and of what."""

    run_id: str
    run_name: str
    state: str
    ending: RunEnding
    service: str
    namespace: str
    notes: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class Envelope:
    """A body with its content type."""

    content_type: str
    body: bytes


def envelope(message: Message, form: Format) -> Envelope:
    """The message as its receiver takes it."""
    if form is Format.CLOUDEVENTS:
        return _cloud_event(message)
    content = {"text": slack_text(message)} if form is Format.SLACK else {"event": EVENT, **content_of(message)}
    return Envelope("application/json", json.dumps(content, ensure_ascii=False).encode())


def content_of(message: Message) -> dict[str, object]:
    """The message as plain data; every key is there each time."""
    ending = {name: str(value) for name, value in asdict(message.ending).items()}
    return {
        **ending,
        "run_id": message.run_id,
        "run_name": message.run_name,
        "state": message.state,
        "service": message.service,
        "namespace": message.namespace,
        "notes": list(message.notes),
        "at": format_time(message.at),
    }


def slack_text(message: Message) -> str:
    """Slack's mrkdwn; whatever others wrote is escaped, so that it can neither link nor call anybody."""
    ending = message.ending
    sign = ":white_check_mark:" if ending.outcome in _WELL and message.state == "SUCCEEDED" else ":warning:"
    what = f"version {slack_escaped(ending.version)} " if ending.version else ""
    where = f"{message.namespace}/{message.service}" if message.service else message.run_name or message.run_id
    head = f"{sign} *{slack_escaped(where)}*: {what}{str(ending.outcome).replace('_', ' ')}"
    run = f"run {message.run_name or message.run_id} {message.state.lower()}"
    lines = [head, *(f"> {slack_escaped(line)}" for line in (ending.reason, *message.notes) if line)]
    return "\n".join([*lines, f"_{slack_escaped(run)}_"])


def slack_escaped(text: str) -> str:
    """Slack's three control characters escaped, and one line made of many."""
    plain = " ".join(text.split())
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fit_to_send(text: str, secrets: Iterable[str]) -> str:
    """The text, short, without these values and without the credentials of any address in it."""
    text = redacted(text, secrets)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _cloud_event(message: Message) -> Envelope:
    """In structured mode; the id is the same when the message is sent twice."""
    from cloudevents.core.bindings.http import to_structured
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    outcome = str(message.ending.outcome)
    event = CloudEvent(
        {
            "id": f"{message.run_id}-{outcome}" if message.run_id else f"{outcome}-{format_time(message.at)}",
            "source": f"/kfp-lifecycle/{message.namespace or '-'}/{message.service or '-'}",
            "type": EVENT,
            "subject": message.run_id or message.service or "run",
            "time": message.at,
            "datacontenttype": "application/json",
        },
        content_of(message),
    )
    sent = to_structured(event, JSONFormat())
    return Envelope(sent.headers["content-type"], sent.body)
