"""Ending an open release: finished where its version is champion already, else the service as it was before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kfp_lifecycle.adapters import inference_services
from kfp_lifecycle.adapters.exported_models import example_or_reason
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import FieldConflict
from kfp_lifecycle.adapters.release_takeovers import finish, named_champion
from kfp_lifecycle.adapters.rollouts import Target, wait_until_served
from kfp_lifecycle.adapters.withdrawal import Example, stands_restored, withdraw
from kfp_lifecycle.core import release
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.release import Release, State
from kfp_lifecycle.core.release_place import Place, champion_before, found_instead, place
from kfp_lifecycle.core.rollout import Asked


class Ending(StrEnum):
    """How it ended."""

    PROMOTED = "promoted"  # the service named it champion already
    RESTORED = "restored"  # its champion has all traffic
    CLOSED = "closed"  # there was nothing to go back to
    UNRESTORED = "unrestored"  # its champion could not be verified; the release stays open unless somebody else's


@dataclass(frozen=True)
class Ended:
    """How, and why in sentences, the deciding one first."""

    ending: Ending
    reasons: tuple[str, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)


def end_release(
    connection: Connection, service: str, namespace: str, held: Release, *, seconds: float, why: str
) -> Ended:
    """End a release that was taken over.

    Args:
        held: as it is after ``take_over``.
        seconds: how long the champion's restored spec may take to become ready.
        why: kept in the record.

    Raises:
        core.release.Superseded: somebody else took it over since.
    """
    live = inference_services.read(connection, service, namespace)
    version = f"version {held.to_version}"
    if live is None:
        return _closed(connection, service, namespace, held, "the InferenceService is gone, so its release was closed")
    if place(live, held) is Place.CHAMPION:
        return _promoted(connection, live, held)
    if not held.from_version:
        said = f"{version} was a first release, and there is nothing to go back to: the service stays as it is"
        return _closed(connection, service, namespace, held, said)
    example, unprobed = example_or_reason(champion_before(held).uri, champion_before(held).digest)
    try:
        done = withdraw(connection, service, namespace, held, seconds, example)
    except FieldConflict as error:
        return Ended(Ending.UNRESTORED, (f"{version} could not be taken off: {error}",))
    if done.place is Place.CHAMPION:
        return _promoted(connection, live, held)
    if done.place is Place.FOREIGN:
        now = inference_services.read(connection, service, namespace)
        found = f"found {found_instead(now)}" if now else "it is gone"
        said = f"{done.said} ({found}), so it was left as it is"
        return Ended(Ending.UNRESTORED, _closed(connection, service, namespace, held, said).reasons)
    if done.place is not Place.ABSENT:
        return Ended(Ending.UNRESTORED, (done.said,))
    evidence = {"ended": why}
    if held.state is State.STARTED and not done.wrote:
        finish(connection, service, namespace, held.epoch, release.rolled_back, evidence)
        return Ended(Ending.RESTORED, (f"{version} was recorded and never applied; its release was closed",))
    return _verified(connection, live, held, done.said, seconds, example, unprobed, evidence)


def _verified(
    connection: Connection,
    live: LiveService,
    held: Release,
    said: str,
    seconds: float,
    example: Example,
    unprobed: str,
    evidence: Mapping[str, str],
) -> Ended:
    """The champion is asked for a prediction, and its address and digest are compared; then the record is closed."""
    champion = champion_before(held)
    asked = Asked(mode=live.mode, uri=champion.uri, arm=champion.name, weight=100, canary=False)
    target = Target(live.name, live.namespace, held.from_version, seconds)
    served = wait_until_served(connection, target, asked, example)
    if not served.serves and not served.by_policy:
        return Ended(Ending.UNRESTORED, (*served.reasons, said, *served.notes), served.numbers)
    if other := stands_restored(connection, live.name, live.namespace, held):
        return Ended(Ending.UNRESTORED, (other, said, *served.notes), served.numbers)
    finish(connection, live.name, live.namespace, held.epoch, release.rolled_back, evidence)
    notes = (*served.reasons, *served.notes, *([unprobed] if unprobed else []))
    answered = served.serves and example is not None
    verified = "its address and digest are the recorded ones" + (" and it answered its example" if answered else "")
    return Ended(Ending.RESTORED, (f"{said}: {verified}", *notes), served.numbers)


def _promoted(connection: Connection, live: LiveService, held: Release) -> Ended:
    finish(connection, live.name, live.namespace, held.epoch, named_champion, {"finished_later": True})
    return Ended(Ending.PROMOTED, (f"the service names version {held.to_version} champion: its promotion is finished",))


def _closed(connection: Connection, service: str, namespace: str, held: Release, said: str) -> Ended:
    finish(connection, service, namespace, held.epoch, release.failed, {"ended": said})
    return Ended(Ending.CLOSED, (said,))
