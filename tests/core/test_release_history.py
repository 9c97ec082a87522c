"""Does a record that is full still know what made the champion, and no more than it must?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.core import release, release_format
from kfp_lifecycle.core.release import KEPT_RELEASES, Release, ReleaseRecord

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CROWNED, OTHERS = ["promoted", "first"], ["refused", "rolled_back", "failed"]


def histories(size: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[str, int]]]:
    """Ends and sizes of specs: some of each kind, then any number that made no champion."""
    some = st.lists(st.tuples(st.sampled_from(CROWNED + OTHERS), size), max_size=8)
    since = st.lists(st.tuples(st.sampled_from(OTHERS), size), min_size=1, max_size=14)
    return st.tuples(some, since).map(lambda parts: [*parts[0], *parts[1]])


def added(record: ReleaseRecord, end: str, size: int = 1) -> ReleaseRecord:
    """The record with one more release, which ended so."""
    record = release.start(
        record, run_id="r", from_version="1", to_version=str(record.epoch + 1), digest="d", uri="s3://m/d", weight=10,
        previous_spec={"padding": "x" * size}, now=NOW, expires_at=NOW,
    )  # fmt: skip
    epoch = record.epoch
    checks = {"state": {"records": [[1, 10]] * 3, "alpha": 0.05}, "note": "seen"}
    record = release.judged(record, epoch, weight=10, expires_at=NOW, evidence={release.JUDGE_EVIDENCE: checks})
    if end == "first":
        record = release.applied(record, epoch)
        return release.serving(record, epoch, now=NOW, expires_at=NOW, finished=True, evidence={})
    return getattr(release, end)(record, epoch, now=NOW, evidence={})


def made(ends: list[tuple[str, int]]) -> tuple[ReleaseRecord, list[Release]]:
    """The record after all of them, and each as it ended."""
    record, every = ReleaseRecord("churn", "churn-model"), list[Release]()
    for end, size in ends:
        record = added(record, end, size)
        every.append(record.releases[-1])
    return record, every


def champion_of(every: list[Release]) -> list[int]:
    return [each.epoch for each in every if each.state in ("promoted", "serving")][-1:]


@given(histories(st.just(1)))
@settings(max_examples=60, deadline=None)
def test_the_release_that_made_the_champion_stays_however_many_were_refused_since(ends):
    record, every = made(ends)
    kept = [each.epoch for each in record.releases]
    assert len(kept) == min(len(ends), KEPT_RELEASES)
    assert set(champion_of(every)) <= set(kept)
    # Of the others, the newest stay.
    newest = [each.epoch for each in every][-KEPT_RELEASES + 1 :]
    assert set(newest) <= set(kept)


@given(histories(st.integers(1, 200_000)))
@settings(max_examples=25, deadline=None)
def test_it_stays_in_a_text_that_had_to_be_made_smaller(ends):
    record, every = made(ends)
    text = release_format.dumps(record)
    kept = [each.epoch for each in release_format.loads(text).releases]
    assert len(text) < release_format.MAXIMUM_BYTES
    assert {len(ends), *champion_of(every)} <= set(kept)
    assert kept == sorted(kept)


def test_a_text_that_cannot_hold_both_is_refused():
    record, _ = made([("promoted", 300_000), ("refused", 1), ("refused", 300_000)])
    with pytest.raises(release_format.RecordError, match="expected fewer than 524288"):
        release_format.dumps(record)


def test_only_the_newest_release_keeps_what_its_judge_counted_at_each_check():
    record, _ = made([("promoted", 1), ("refused", 1), ("rolled_back", 1)])
    learnt = [each.evidence[release.JUDGE_EVIDENCE] for each in record.releases]
    assert [len(each["state"]["records"]) for each in learnt] == [0, 0, 3]
    assert [(each["state"]["alpha"], each["note"]) for each in learnt] == [(0.05, "seen")] * 3
