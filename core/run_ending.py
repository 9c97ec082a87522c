"""What a run came to, from the release record and the note that it left, and from KFP's word on it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kfp_lifecycle.core import approval
from kfp_lifecycle.core.release import JUDGE_EVIDENCE, Release, ReleaseRecord, State
from kfp_lifecycle.core.run_notes import RunNote


class RunOutcome(StrEnum):
    """The end of a run, by its release; by KFP's word where it made none."""

    FIRST_RELEASE = "first_release"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"
    CLOSED = "closed"  # there was nothing to go back to
    LEFT_OPEN = "left_open"  # its canary still stands without a verdict
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_BY_STATE = {
    State.SERVING: RunOutcome.FIRST_RELEASE,
    State.PROMOTED: RunOutcome.PROMOTED,
    State.ROLLED_BACK: RunOutcome.ROLLED_BACK,
    State.REFUSED: RunOutcome.REFUSED,
    State.FAILED: RunOutcome.CLOSED,
}
_BY_WORD = {
    "SUCCEEDED": RunOutcome.SUCCEEDED,
    "CANCELLED": RunOutcome.CANCELLED,
    "CANCELED": RunOutcome.CANCELLED,
}


@dataclass(frozen=True)
class RunEnding:
    """What is told of a run.

    Attributes:
        reason: of the decision that the outcome goes back to, its first one; empty where nothing is known.
        version: that it released; empty where it released none.
        champion: the version that was champion before.
    """

    outcome: RunOutcome
    reason: str
    version: str = ""
    champion: str = ""
    model: str = ""
    environment: str = ""


def run_ending(
    record: ReleaseRecord | None, run_id: str, word: str, error: str, note: RunNote | None = None
) -> RunEnding:
    """What the run came to.

    Args:
        record: of the service that it was to release; None where there is none.
        word: KFP's state of what the exit handler guards, such as SUCCEEDED.
        error: KFP's message on it; empty where it has none.
        note: what the last gate said, where the run came to one.
    """
    error = note.said if note else error
    model, environment = (record.model, record.environment) if record else ("", "")
    mine = [each for each in (record.releases if record else ()) if run_id and each.run_id == run_id]
    if not mine:
        by_word = _BY_WORD.get(word, RunOutcome.FAILED)
        outcome = RunOutcome.REFUSED if note and note.refused else by_word
        return RunEnding(outcome, error, model=model, environment=environment)
    last = mine[-1]
    outcome = RunOutcome.LEFT_OPEN if last.open else _BY_STATE[last.state]
    return RunEnding(outcome, _reason(last, outcome) or error, last.to_version, last.from_version, model, environment)


def _reason(release: Release, outcome: RunOutcome) -> str:
    """The first reason of whoever decided: a human before the judge, as the human came last."""
    found = release.evidence
    asked = _first(found.get(approval.EVIDENCE), "reasons")
    judged = _first((found.get(JUDGE_EVIDENCE) or {}).get("state"), "over")
    ended = str(found.get("ended", ""))
    if outcome is RunOutcome.REFUSED:
        return _first(found, "reasons")
    return asked or judged or ended


def _first(found: Mapping[str, Any] | None, key: str) -> str:
    lines = (found or {}).get(key) or [""]
    return str(lines[0])
