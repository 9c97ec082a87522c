"""What a release record may become, whatever order its writers come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kfp_lifecycle.core import release, release_format
from kfp_lifecycle.core.release import ReleaseRecord, State, Superseded

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def started(record: ReleaseRecord, version: str = "2", **changes: object) -> ReleaseRecord:
    values: dict[str, object] = {
        "run_id": "run-a",
        "from_version": "1",
        "to_version": version,
        "digest": "d" * 64,
        "uri": "s3://models/churn/" + "d" * 64,
        "weight": 10,
        "previous_spec": {"predictor": {"name": "v1"}},
        "now": NOW,
        "expires_at": NOW + timedelta(minutes=20),
    }
    return release.start(record, **{**values, **changes})  # type: ignore[arg-type]


def finished(record: ReleaseRecord) -> ReleaseRecord:
    return release.refused(record, record.epoch, now=NOW, evidence={})


EMPTY = ReleaseRecord("churn", "churn-model")


def test_a_release_goes_from_started_to_serving_and_a_canary_stays_open_for_its_judge():
    record = release.applied(started(EMPTY), 1)
    record = release.serving(
        record, 1, now=NOW, expires_at=NOW + timedelta(hours=1), finished=False, evidence={"probe_ms": 3}
    )
    assert record.open is not None
    assert record.open.state is State.SERVING
    assert record.open.evidence == {"probe_ms": 3}


def test_a_champion_is_finished_once_it_serves():
    record = release.serving(release.applied(started(EMPTY), 1), 1, now=NOW, expires_at=NOW, finished=True, evidence={})
    assert record.open is None
    assert record.newest is not None and record.newest.finished_at == NOW


def test_a_second_release_cannot_start_while_one_is_open():
    with pytest.raises(Superseded, match="held by run 'run-a'"):
        started(started(EMPTY), run_id="run-b")


def test_a_writer_of_an_older_epoch_is_refused():
    record = started(release.failed(started(EMPTY), 1, now=NOW, evidence={}), run_id="run-b")
    for late in (
        lambda: release.applied(record, 1),
        lambda: release.renewed(record, 1, run_id="run-a", expires_at=NOW),
        lambda: release.refused(record, 1, now=NOW, evidence={}),
    ):
        with pytest.raises(Superseded, match="epoch 2"):
            late()


def test_a_release_that_was_refused_cannot_serve_later():
    with pytest.raises(Superseded):
        release.applied(finished(started(EMPTY)), 1)


def test_a_release_that_was_never_applied_cannot_serve():
    with pytest.raises(ValueError, match="started cannot become serving"):
        release.serving(started(EMPTY), 1, now=NOW, expires_at=NOW, finished=True, evidence={})


def test_renewing_never_shortens_the_life_of_a_release():
    record = release.renewed(started(EMPTY), 1, run_id="run-b", expires_at=NOW)
    assert record.open is not None
    assert (record.open.run_id, record.open.expires_at) == ("run-b", NOW + timedelta(minutes=20))


@pytest.mark.parametrize(("seconds", "dead"), [(-1, False), (0, True), (1, True)])
def test_a_release_is_expired_from_its_instant_on(seconds: int, dead: bool):
    record = started(EMPTY)
    assert record.open is not None
    assert record.open.expired(record.open.expires_at + timedelta(seconds=seconds)) is dead


def test_only_the_last_ten_releases_are_kept_and_epochs_go_on():
    record = EMPTY
    for version in range(1, 13):
        record = finished(started(record, str(version)))
    assert [each.to_version for each in record.releases] == [str(version) for version in range(3, 13)]
    assert record.epoch == 12


class Writers(RuleBasedStateMachine):
    """Any order of transitions: what is refused changes nothing, what is accepted keeps every promise."""

    def __init__(self) -> None:
        super().__init__()
        self.record = EMPTY
        self.starts = 0

    @rule(version=st.integers(1, 99).map(str))
    def start(self, version: str) -> None:
        if self.record.open:
            with pytest.raises(Superseded):
                started(self.record, version)
        else:
            self.record = started(self.record, version)
            self.starts += 1

    @precondition(lambda self: self.record.epoch)
    @rule(
        behind=st.integers(0, 2),
        end=st.sampled_from(["applied", "serving", "champion", "refused", "failed", "renewed"]),
    )
    def move(self, behind: int, end: str) -> None:
        epoch = self.record.epoch - behind
        moves = {
            "applied": lambda: release.applied(self.record, epoch),
            "serving": lambda: release.serving(
                self.record, epoch, now=NOW, expires_at=NOW, finished=False, evidence={}
            ),
            "champion": lambda: release.serving(
                self.record, epoch, now=NOW, expires_at=NOW, finished=True, evidence={}
            ),
            "refused": lambda: release.refused(self.record, epoch, now=NOW, evidence={}),
            "failed": lambda: release.failed(self.record, epoch, now=NOW, evidence={}),
            "renewed": lambda: release.renewed(self.record, epoch, run_id="run-c", expires_at=NOW),
        }
        if behind or not self.record.open:
            with pytest.raises(Superseded):
                moves[end]()
            return
        try:
            self.record = moves[end]()
        except ValueError:
            assert (self.record.open.state, end) in {
                (State.STARTED, "serving"),
                (State.STARTED, "champion"),
                (State.SERVING, "applied"),
            }

    @invariant()
    def epochs_rise_and_only_the_newest_is_open(self) -> None:
        epochs = [each.epoch for each in self.record.releases]
        assert epochs == sorted(set(epochs))
        assert self.record.epoch == self.starts == (epochs[-1] if epochs else 0)
        assert len(epochs) == min(self.starts, release.KEPT_RELEASES)
        assert not any(each.open for each in self.record.releases[:-1])

    @invariant()
    def the_text_gives_the_same_record_back(self) -> None:
        text = release_format.dumps(self.record)
        assert release_format.loads(text) == self.record
        assert release_format.dumps(release_format.loads(text)) == text


Writers.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestWriters = Writers.TestCase


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=14))
@settings(max_examples=25, deadline=None)
def test_the_text_stays_below_its_limit_and_always_keeps_the_newest_release(sizes: list[int]):
    record = EMPTY
    for version, size in enumerate(sizes, 1):
        record = finished(started(record, str(version), previous_spec={"predictor": {"padding": "x" * size}}))
    text = release_format.dumps(record)
    kept = release_format.loads(text)
    assert len(text.encode()) < release_format.MAXIMUM_BYTES
    assert kept.newest == record.newest
    assert kept.epoch == len(sizes)


def test_a_spec_too_large_to_be_recorded_is_refused_before_anything_is_written():
    with pytest.raises(release_format.RecordError, match="needs 600... bytes: expected fewer than 524288"):
        release_format.dumps(started(EMPTY, previous_spec={"padding": "x" * 600_000}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 1}', "is damaged"),
        ('{"format": 2}', "has format 2: this version of kfp-lifecycle reads format 1"),
    ],
)
def test_a_record_that_cannot_be_read_says_what_to_do(text: str, said: str):
    with pytest.raises(release_format.RecordError, match=said):
        release_format.loads(text)
