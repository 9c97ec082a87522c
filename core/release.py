"""The record of a service's releases, and the names of the roles that its versions play.

One record per InferenceService holds the last releases, the newest last. A release is *open* until it has a
``finished_at``; at most one is open. Every change is a pure function from record to record; whoever stores the
result does so by compare-and-set, so that two writers can never both believe to have changed it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from kfp_lifecycle.core import release_history
from kfp_lifecycle.core.errors import InputError

CHAMPION = "champion"
CHALLENGER = "challenger"
DEFAULT_ENVIRONMENT = "prod"
KEPT_RELEASES = 10
# The key of a release's evidence under which its judge keeps what it has learnt.
JUDGE_EVIDENCE = "judge"
_ENVIRONMENT = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


class State(StrEnum):
    """How far a release has come."""

    STARTED = "started"  # recorded, perhaps not applied yet
    APPLIED = "applied"  # the InferenceService asks for it
    SERVING = "serving"  # it answered a probe: the champion, or a canary that waits for its judge
    PROMOTED = "promoted"  # a canary that became champion
    ROLLED_BACK = "rolled_back"  # its judge or its user said no, and the service is as it was before
    REFUSED = "refused"  # it never served, and the service is as it was before
    FAILED = "failed"  # its run died, and another release took over


_ENDS = {State.PROMOTED, State.ROLLED_BACK, State.REFUSED, State.FAILED}
_NEXT = {
    State.STARTED: {State.STARTED, State.APPLIED, *_ENDS},
    State.APPLIED: {State.APPLIED, State.SERVING, *_ENDS},
    State.SERVING: {State.SERVING, *_ENDS},
    **{end: set() for end in _ENDS},
}


class Superseded(RuntimeError):
    """The record has moved on to a newer epoch, or the release is finished: its writer must stop."""


@dataclass(frozen=True)
class Release:
    """One attempt to put a version in front of users.

    Attributes:
        run_id: the run that holds the release and renews ``expires_at``.
        epoch: a number that only rises within a record; whoever takes the release over raises it, which fences off
            the holder before.
        from_version: the champion when it started; empty on a first release.
        weight: percent of the traffic asked for.
        previous_spec: the complete spec to go back to; empty when no proven one existed.
        evidence: small facts that a later step needs, such as the arm's name.
    """

    run_id: str
    epoch: int
    state: State
    expires_at: datetime
    from_version: str
    to_version: str
    digest: str
    uri: str
    weight: int
    previous_spec: Mapping[str, Any]
    started_at: datetime
    finished_at: datetime | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        return self.finished_at is None

    @property
    def crowned(self) -> bool:
        """Whether it ended with its version as champion."""
        return not self.open and self.state in (State.PROMOTED, State.SERVING)

    def expired(self, now: datetime) -> bool:
        """Whether its holder has not renewed it in time; the holder's run is then taken for dead."""
        return now >= self.expires_at


@dataclass(frozen=True)
class ReleaseRecord:
    """The releases of one service, newest last."""

    service: str
    model: str
    environment: str = DEFAULT_ENVIRONMENT
    epoch: int = 0
    releases: tuple[Release, ...] = ()

    @property
    def newest(self) -> Release | None:
        return self.releases[-1] if self.releases else None

    @property
    def open(self) -> Release | None:
        return self.newest if self.newest and self.newest.open else None


def start(
    record: ReleaseRecord,
    *,
    run_id: str,
    from_version: str,
    to_version: str,
    digest: str,
    uri: str,
    weight: int,
    previous_spec: Mapping[str, Any],
    now: datetime,
    expires_at: datetime,
    evidence: Mapping[str, Any] | None = None,
) -> ReleaseRecord:
    """Add a release under the next epoch; ``KEPT_RELEASES`` stay, as ``core.release_history`` says.

    Raises:
        Superseded: a release is open; end it first.
    """
    if record.open:
        raise Superseded(
            f"release {record.open.epoch} of {record.service!r} is open, held by run {record.open.run_id!r}"
        )
    epoch = record.epoch + 1
    release = Release(
        run_id, epoch, State.STARTED, expires_at, from_version, to_version, digest, uri, weight, previous_spec, now,
        evidence=evidence or {},
    )  # fmt: skip
    past = (release_history.without_checks(each, JUDGE_EVIDENCE) for each in record.releases)
    return replace(record, epoch=epoch, releases=release_history.last((*past, release), KEPT_RELEASES))


def renewed(record: ReleaseRecord, epoch: int, *, run_id: str, expires_at: datetime, **known: Any) -> ReleaseRecord:
    """The holder, perhaps a second run of the same content, keeps the release and corrects what it knows of it."""
    release = current(record, epoch)
    return _moved(record, release.state, run_id=run_id, expires_at=max(expires_at, release.expires_at), **known)


def taken_over(record: ReleaseRecord, *, run_id: str, expires_at: datetime) -> ReleaseRecord:
    """The open release under the next epoch, held by ``run_id``: whatever its holder before still writes is refused.

    Raises:
        Superseded: no release is open.
    """
    if record.open is None:
        raise Superseded(f"no release of {record.service!r} is open")
    epoch = record.epoch + 1
    moved = _moved(record, record.open.state, run_id=run_id, epoch=epoch, expires_at=expires_at)
    return replace(moved, epoch=epoch)


def judged(
    record: ReleaseRecord, epoch: int, *, weight: int, expires_at: datetime, evidence: Mapping[str, Any]
) -> ReleaseRecord:
    """A check was made: the canary's weight, and what was learnt of it so far."""
    release = current(record, epoch)
    return _moved(record, release.state, weight=weight, expires_at=expires_at, evidence=evidence)


def promoted(record: ReleaseRecord, epoch: int, *, now: datetime, evidence: Mapping[str, Any]) -> ReleaseRecord:
    """The version is champion, and the service says so."""
    current(record, epoch)
    return _moved(record, State.PROMOTED, weight=100, finished_at=now, evidence=evidence)


def rolled_back(record: ReleaseRecord, epoch: int, *, now: datetime, evidence: Mapping[str, Any]) -> ReleaseRecord:
    """The canary is gone, and the champion has all traffic."""
    current(record, epoch)
    return _moved(record, State.ROLLED_BACK, weight=0, finished_at=now, evidence=evidence)


def applied(record: ReleaseRecord, epoch: int) -> ReleaseRecord:
    """The InferenceService now asks for the release."""
    current(record, epoch)
    return _moved(record, State.APPLIED)


def serving(
    record: ReleaseRecord,
    epoch: int,
    *,
    now: datetime,
    expires_at: datetime,
    finished: bool,
    evidence: Mapping[str, Any],
) -> ReleaseRecord:
    """It answered its probe. A champion is finished; a canary stays open for its judge until ``expires_at``."""
    current(record, epoch)
    return _moved(
        record, State.SERVING, expires_at=expires_at, finished_at=now if finished else None, evidence=evidence
    )


def refused(record: ReleaseRecord, epoch: int, *, now: datetime, evidence: Mapping[str, Any]) -> ReleaseRecord:
    """A gate said no."""
    current(record, epoch)
    return _moved(record, State.REFUSED, finished_at=now, evidence=evidence)


def failed(record: ReleaseRecord, epoch: int, *, now: datetime, evidence: Mapping[str, Any]) -> ReleaseRecord:
    """Its run is gone, or what it released is."""
    current(record, epoch)
    return _moved(record, State.FAILED, finished_at=now, evidence=evidence)


def current(record: ReleaseRecord, epoch: int) -> Release:
    """The open release, if it still has this epoch.

    Raises:
        Superseded: it was taken over, or is finished.
    """
    release = record.open
    if release is None or release.epoch != epoch:
        raise Superseded(
            f"release {epoch} of {record.service!r} is no longer the open one: the record is at epoch {record.epoch}"
        )
    return release


def _moved(
    record: ReleaseRecord, state: State, *, evidence: Mapping[str, Any] | None = None, **changes: Any
) -> ReleaseRecord:
    release = record.releases[-1]
    if state not in _NEXT[release.state]:
        raise ValueError(f"a release that is {release.state} cannot become {state}")
    moved = replace(release, state=state, evidence={**release.evidence, **(evidence or {})}, **changes)
    return replace(record, releases=(*record.releases[:-1], moved))


def check_environment(environment: str) -> str:
    """The environment's name, if it can stand in an alias, a tag and a label.

    Raises:
        InputError: it is not a lower-case name of at most 32 letters, digits and dashes.
    """
    if not _ENVIRONMENT.fullmatch(environment):
        raise InputError(
            "environment",
            environment,
            "a name of 1 to 32 lower-case letters, digits and dashes, with a letter or digit at both ends",
            "Write for example prod or staging.",
        )
    return environment


def alias(role: str, environment: str = DEFAULT_ENVIRONMENT) -> str:
    """The MLflow alias of a role: ``champion`` in ``prod``, else for example ``champion-staging``."""
    if role not in (CHAMPION, CHALLENGER):
        raise ValueError(f"role is {role!r}: expected {CHAMPION!r} or {CHALLENGER!r}")
    check_environment(environment)
    return role if environment == DEFAULT_ENVIRONMENT else f"{role}-{environment}"
