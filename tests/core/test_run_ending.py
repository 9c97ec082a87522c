"""Is what a run came to read from its release, and from nobody else's?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kfp_lifecycle.core import release
from kfp_lifecycle.core.release import ReleaseRecord
from kfp_lifecycle.core.run_ending import RunEnding, RunOutcome, run_ending
from kfp_lifecycle.core.run_notes import RunNote

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def started(run_id: str = "mine", record: ReleaseRecord | None = None, evidence: Any = None) -> ReleaseRecord:
    return release.start(
        record or ReleaseRecord("churn", "model", "staging"), run_id=run_id, from_version="1", to_version="2",
        digest="d" * 64, uri="s3://m", weight=10, previous_spec={}, now=NOW, expires_at=LATER, evidence=evidence,
    )  # fmt: skip


def ended(how: str, evidence: Any, before: Any = None) -> ReleaseRecord:
    record = started(evidence=before)
    end = {"promoted": release.promoted, "rolled_back": release.rolled_back, "refused": release.refused,
           "closed": release.failed}[how]  # fmt: skip
    return end(record, record.epoch, now=NOW, evidence=evidence)


JUDGED = {"judge": {"state": {"over": ["errors: worse", "slow: no worse"]}}}
ASKED = {"approval": {"reasons": ["rejected by bob"]}}


@pytest.mark.parametrize(
    ("record", "outcome", "reason"),
    [
        (ended("promoted", {}, JUDGED), "promoted", "errors: worse"),
        (
            ended("promoted", {}, {**JUDGED, "approval": {"reasons": ["approved by ann"]}}),
            "promoted",
            "approved by ann",
        ),
        (ended("rolled_back", {"ended": "the judge said so"}, JUDGED), "rolled_back", "errors: worse"),
        (
            ended("rolled_back", {"ended": "nobody"}, {**JUDGED, **ASKED}),
            "rolled_back",
            "rejected by bob",
        ),
        (ended("rolled_back", {"ended": "its run died"}, {"approval": {"reasons": []}}), "rolled_back", "its run died"),
        (ended("refused", {"reasons": ["too weak", "too slow"]}), "refused", "too weak"),
        (ended("refused", {}), "refused", "from KFP"),
        (ended("closed", {"ended": "the service is gone"}), "closed", "the service is gone"),
        (started(), "left_open", "from KFP"),
    ],
)
def test_a_release_says_what_the_run_came_to_and_why(record: ReleaseRecord, outcome: str, reason: str) -> None:
    expected = RunEnding(RunOutcome(outcome), reason, "2", "1", "model", "staging")
    assert run_ending(record, "mine", "FAILED", "from KFP") == expected


@pytest.mark.parametrize("record", [None, ReleaseRecord("churn", "model"), started("other")])
@pytest.mark.parametrize(
    ("word", "outcome"), [("SUCCEEDED", "succeeded"), ("FAILED", "failed"), ("CANCELLED", "cancelled"), ("", "failed")]
)
def test_without_a_release_of_its_own_kfps_word_counts(record: Any, word: str, outcome: str) -> None:
    found = run_ending(record, "mine", word, "Task train failed.")
    assert (found.outcome, found.reason, found.version) == (outcome, "Task train failed.", "")


def test_a_run_without_an_id_has_no_release() -> None:
    assert run_ending(started(""), "", "SUCCEEDED", "").outcome == "succeeded"


def test_the_last_of_several_releases_of_a_run_counts() -> None:
    first = ended("refused", {"reasons": ["busy"]})
    assert run_ending(started("mine", first), "mine", "FAILED", "").outcome == "left_open"
    assert run_ending(started("other", first), "mine", "FAILED", "").reason == "busy"


@pytest.mark.parametrize(("refused", "outcome"), [(True, "refused"), (False, "succeeded")])
def test_what_the_last_gate_said_is_the_reason_where_no_release_has_one(refused: bool, outcome: str) -> None:
    note = RunNote("evaluate answered fail: AUC is lower", refused, "2026-11-24T10:00:00Z")
    found = run_ending(None, "mine", "SUCCEEDED", "from KFP", note)
    assert (found.outcome, found.reason) == (outcome, note.said)
    released = run_ending(ended("rolled_back", {}, JUDGED), "mine", "FAILED", "from KFP", note)
    assert (released.outcome, released.reason) == ("rolled_back", "errors: worse")
