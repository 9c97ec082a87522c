"""What counts as an answer to a gate, and what it decides. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kfp_lifecycle.components.approval.outcome import Outcome
from kfp_lifecycle.core.approval import Answer, Asked, UnreadableAnswer, Verdict, read_answer
from kfp_lifecycle.core.window import format_time

_SHOWN = 100


@dataclass(frozen=True)
class Written:
    """A text that was found, and where: in words that fit into a sentence."""

    place: str
    text: str


@dataclass(frozen=True)
class Word:
    """How a gate ended, and why in sentences.

    Attributes:
        by: who decided; empty where nobody did.
        at: when, as they say, or when it was seen.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    by: str = ""
    at: str = ""


def decide(asked: Asked, found: Sequence[Written], now: datetime, unread: Sequence[str] = ()) -> Word | None:
    """The end of the gate, or None to wait on. One rejection outweighs every approval.

    Args:
        unread: the places that could not be read at this look, a sentence each. A rejection may stand there, so that
            nothing is approved meanwhile.

    An answer counts when it is seen before the deadline, or says that it was given before: the step may have been
    down at that time.
    """
    answers = [(each, answer) for each in found if (answer := _answer(each)) and not _why_not(asked, answer, now)]
    ends = {Verdict.REJECTED: Outcome.REJECTED}
    if not unread:
        ends[Verdict.APPROVED] = Outcome.APPROVED
    for verdict, outcome in ends.items():
        for written, answer in answers:
            if answer.verdict is verdict:
                at = format_time(answer.at or now)
                said = f"{verdict} by {answer.by} at {at}, by {written.place}"
                return Word(outcome, (f"version {asked.version} was {said}",), answer.by, at)
    if now < asked.deadline:
        return None
    since, until = format_time(asked.asked_at), format_time(asked.deadline)
    missing = f"nobody approved version {asked.version} between {since} and {until}, which means no"
    return Word(Outcome.TIMED_OUT, (missing, *unread, *remarks(asked, found, now)))


def remarks(asked: Asked, found: Sequence[Written], now: datetime) -> tuple[str, ...]:
    """Why texts that were found do not count, a sentence each."""
    told = []
    for written in found:
        if not written.text.strip():
            continue
        try:
            why = _why_not(asked, read_answer(written.text), now)
        except UnreadableAnswer as error:
            why = str(error)
        if why:
            told.append(f"{written.text[:_SHOWN]!r}, {written.place}, does not count: {why}")
    return tuple(told)


def word_to_json(word: Word | None) -> dict[str, Any]:
    """What the release record keeps of an end; empty fields while there is none."""
    if word is None:
        return {"outcome": "", "reasons": [], "by": "", "at": ""}
    return {"outcome": str(word.outcome), "reasons": list(word.reasons), "by": word.by, "at": word.at}


def word_from_json(kept: Mapping[str, Any]) -> Word | None:
    """What ``word_to_json`` kept."""
    if not kept["outcome"]:
        return None
    return Word(Outcome(kept["outcome"]), tuple(kept["reasons"]), kept["by"], kept["at"])


def _answer(written: Written) -> Answer | None:
    try:
        return read_answer(written.text)
    except UnreadableAnswer:
        return None


def _why_not(asked: Asked, answer: Answer, now: datetime) -> str:
    if answer.version != asked.version:
        return f"it is for version {answer.version}, and version {asked.version} waits"
    if answer.ticket != asked.ticket:
        return f"it is for release {answer.ticket}, and release {asked.ticket} waits"
    # The time in an answer is its writer's own text: it can take away from what was seen, but add nothing to it.
    if answer.at and answer.at < asked.asked_at.replace(microsecond=0):
        return f"it says that it was given before it was asked for, at {format_time(asked.asked_at)}"
    if now >= asked.deadline:
        return f"it was not seen before {format_time(asked.deadline)}"
    return ""
