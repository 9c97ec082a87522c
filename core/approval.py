"""A human's word on one release: what a gate asks for, and what an answer looks like. Pure.

An answer is one line of text, wherever it is written, so that it appears at once or not at all:

    approved version 7 release 12-5f0c2a9b41d2 by Ann Lee at 2026-11-24T10:00:00Z

The release's ticket is made of everything that an answer is for. So an answer that was meant for another release,
another service or another cluster never fits, however alike the two are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.window import format_time, parse_time

# Where an answer may stand: on the release record's ConfigMap, or on the MLflow version.
ANNOTATION = "kfp-lifecycle/approval"
TAG = "kfp-lifecycle.approval"
# The key of a release's evidence under which its gate keeps what it asked for and what came of it.
EVIDENCE = "approval"

LONGEST_NAME = 100
_LONGEST_TEXT = 500
_TICKET_DIGITS = 12
_ANSWER = re.compile(
    r"(?P<verdict>approved|rejected)\s+version\s+(?P<version>\S+)\s+release\s+(?P<ticket>\S+)\s+by\s+(?P<by>.+?)"
    r"(?:\s+at\s+(?P<at>[0-9]\S*))?",
    re.IGNORECASE,
)
_TIME_FIRST = re.compile(r"at\s+[0-9]", re.IGNORECASE)


class Verdict(StrEnum):
    """What a human may say."""

    APPROVED = "approved"
    REJECTED = "rejected"


class UnreadableAnswer(ValueError):
    """A text is no answer; the message says why."""


@dataclass(frozen=True)
class Asked:
    """What a gate asks for, kept in the release record so that a restart asks for the same until the same time.

    Attributes:
        epoch: of the release when the gate opened; it rises whenever somebody takes the release over, this does not.
    """

    service: str
    namespace: str
    version: str
    digest: str
    epoch: int
    asked_at: datetime
    deadline: datetime

    @property
    def ticket(self) -> str:
        """The name of this release, and of no other."""
        meant = [self.namespace, self.service, self.version, self.digest, self.epoch, format_time(self.asked_at)]
        return f"{self.epoch}-{sha256_bytes(canonical_json(meant))[:_TICKET_DIGITS]}"


@dataclass(frozen=True)
class Answer:
    """What a human said of which release.

    Attributes:
        by: who, as the writer says.
        at: when, as the writer says; None where that was left out.
    """

    verdict: Verdict
    version: str
    ticket: str
    by: str
    at: datetime | None = None


def check_name(by: str) -> str:
    """The name of whoever answers.

    Raises:
        UnreadableAnswer: nobody is named, or the name cannot stand in one line.
    """
    name = by.strip()
    # Where the name is left out, the time would be taken for it.
    if not name or _TIME_FIRST.match(name):
        raise UnreadableAnswer("it names nobody")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise UnreadableAnswer(f"a name is one line of at most {LONGEST_NAME} characters")
    return name


def answer_text(answer: Answer) -> str:
    """The line that ``read_answer`` reads."""
    said = f"{answer.verdict} version {answer.version} release {answer.ticket} by {answer.by}"
    return f"{said} at {format_time(answer.at)}" if answer.at else said


def read_answer(text: str) -> Answer:
    """The answer in a text that anybody may have written.

    Raises:
        UnreadableAnswer: it is none.
    """
    if len(text) > _LONGEST_TEXT:
        raise UnreadableAnswer(f"it is longer than {_LONGEST_TEXT} characters")
    found = _ANSWER.fullmatch(text.strip())
    if not found:
        raise UnreadableAnswer("it is not of the form 'approved version V release R by NAME'")
    try:
        at = parse_time(found["at"], "at") if found["at"] else None
    except (ValueError, OverflowError) as error:
        raise UnreadableAnswer(str(error)) from error
    return Answer(Verdict(found["verdict"].lower()), found["version"], found["ticket"], check_name(found["by"]), at)


def asked_to_json(asked: Asked) -> dict[str, Any]:
    """What the release record keeps."""
    return {
        "service": asked.service,
        "namespace": asked.namespace,
        "version": asked.version,
        "digest": asked.digest,
        "epoch": asked.epoch,
        "asked_at": format_time(asked.asked_at),
        "deadline": format_time(asked.deadline),
        "ticket": asked.ticket,
    }


def asked_from_json(kept: Mapping[str, Any]) -> Asked:
    """What ``asked_to_json`` kept."""
    return Asked(
        kept["service"],
        kept["namespace"],
        kept["version"],
        kept["digest"],
        int(kept["epoch"]),
        parse_time(kept["asked_at"], "asked_at"),
        parse_time(kept["deadline"], "deadline"),
    )
