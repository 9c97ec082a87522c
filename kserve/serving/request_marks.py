"""What a request says of itself beside its body: its id and the time of the event that it is about."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from kfp_lifecycle.serving.request_body import Headers

REQUEST_ID_HEADER = b"x-request-id"
EVENT_TIME_HEADER = b"x-event-time"
# Printable ASCII without the space at either end that an HTTP header would lose.
_ID = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?")
_LONGEST_TIME = 64


@dataclass(frozen=True, slots=True)
class RequestMarks:
    """Of one request.

    Attributes:
        request_id: the id that its sender gave it by header; empty without one.
        event_time: as it was sent; empty where it was not.
        arrival: seconds since the epoch at which its headers had come.
    """

    request_id: str = ""
    event_time: str = ""
    arrival: float = 0.0


NO_MARKS = RequestMarks()


def usable_id(given: object) -> str:
    """The id if it can be logged and answered as a header: 1 to 128 printable characters; else empty."""
    return given if isinstance(given, str) and _ID.fullmatch(given) else ""


def new_id() -> str:
    """An id for a request that has none."""
    return uuid.uuid4().hex


def marks_of(headers: Headers, arrival: float) -> RequestMarks:
    """The marks that the headers hold; a header that cannot be used counts as absent."""
    identifier = event_time = ""
    for name, value in headers:
        if name == REQUEST_ID_HEADER:
            identifier = usable_id(value.decode("latin-1"))
        elif name == EVENT_TIME_HEADER and len(value) <= _LONGEST_TIME:
            event_time = value.decode("latin-1")
    return RequestMarks(identifier, event_time, arrival)


def microseconds(moment: float) -> int:
    """Seconds since the epoch as whole microseconds."""
    return round(moment * 1_000_000)


def event_microseconds(marks: RequestMarks) -> int:
    """The event time in microseconds since the epoch; the arrival where none was given, or none in ISO 8601.

    A time without a zone is UTC.
    """
    if marks.event_time:
        try:
            given = datetime.fromisoformat(marks.event_time.strip())
            aware = given if given.tzinfo else given.replace(tzinfo=UTC)
            return microseconds_of(aware)
        except (ValueError, OverflowError):
            pass  # Said in the documentation: a prediction never fails for a header that only the log reads.
    return microseconds(marks.arrival)


def microseconds_of(moment: datetime) -> int:
    """Exact microseconds since the epoch; ``timestamp()`` would round."""
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
