"""What alerts and CloudEvents have in common: a source, a type, labels, and fields for templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Malformed(ValueError):
    """A delivery is not what its endpoint takes; the message says what is wrong."""


class Kind(StrEnum):
    """Where an event came in."""

    ALERTMANAGER = "alertmanager"
    CLOUDEVENTS = "cloudevents"


@dataclass(frozen=True)
class Event:
    """One alert or CloudEvent.

    Attributes:
        source: the receiver of an alert, the source of a CloudEvent.
        type: ``firing`` or ``resolved``, or the type of a CloudEvent.
        labels: of an alert; the extension attributes and the subject of a CloudEvent.
        fields: what templates may look up.
    """

    kind: Kind
    source: str
    type: str
    labels: Mapping[str, str]
    fields: Mapping[str, Any]


# The first name of a lookup, by the kind of event.
FIELDS = {
    Kind.ALERTMANAGER: {
        "annotations", "commonAnnotations", "commonLabels", "endsAt", "externalURL", "fingerprint", "generatorURL",
        "groupKey", "groupLabels", "labels", "receiver", "startsAt", "status",
    },
    Kind.CLOUDEVENTS: {"data", "dataschema", "id", "labels", "source", "subject", "time", "type"},
}  # fmt: skip
