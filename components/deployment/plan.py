"""What to do about a requested release, given the live service and its record. Pure.

The InferenceService is the truth: a champion is the version that its annotation names, and a canary is one that its
spec holds. The record tells who is at work, and what to go back to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kfp_lifecycle.components.deployment.obstacles import (
    canary_already,
    champion_already,
    in_flight,
    is_live,
    no_room,
    not_ours,
    previous_spec,
    why_over,
)
from kfp_lifecycle.components.deployment.outcome import Outcome
from kfp_lifecycle.components.deployment.request import ReleaseRequest
from kfp_lifecycle.core import rollout, service_manifests
from kfp_lifecycle.core.inference_service import Arm, LiveService, Mode
from kfp_lifecycle.core.release import Release, ReleaseRecord, State

WHOLE = 100


@dataclass(frozen=True)
class Plan:
    """The decision.

    Attributes:
        outcome: what it will be if the version serves; REFUSED and UNCHANGED write nothing.
        spec: the spec to apply.
        champion: the version that the annotation names until this release is finished.
        from_version: the champion to go back to; empty on a first release.
        previous: the complete spec to go back to; empty on a first release.
        arm: the predictor's name in Standard mode.
        continues: the epoch of an open release of the same content, to be carried on.
        ends: why the open release of other content is over; empty if there is none.
        revision_before: Knative: the latest revision before this release; empty if the spec is live already.
        stands: the canary is there already, and nothing is written.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)
    champion: str = ""
    from_version: str = ""
    previous: Mapping[str, Any] = field(default_factory=dict)
    arm: str = ""
    weight: int = WHOLE
    continues: int = 0
    ends: str = ""
    revision_before: str = ""
    stands: bool = False

    @property
    def writes(self) -> bool:
        return self.outcome in (Outcome.FIRST_RELEASE, Outcome.CANARY) and not self.stands


def make_plan(
    request: ReleaseRequest, mode: Mode, live: LiveService | None, record: ReleaseRecord | None, now: datetime
) -> Plan:
    """Decide; see the module. A release is refused here only when writing would take something from somebody."""
    open_release = record.open if record else None
    mine = open_release if open_release and _same(open_release, request, live) else None
    unfinished = mine is not None and mine.state is not State.SERVING
    if live and not unfinished:
        if reason := champion_already(request, live, record):
            return Plan(Outcome.UNCHANGED, (reason,), champion=live.champion_version)
        if reason := canary_already(request, live, record):
            weight = live.canary.weight if live.canary else 0
            return Plan(Outcome.CANARY, (reason,), champion=live.champion_version, weight=weight, stands=True)
    over = why_over(open_release, request, live, now) if open_release and not mine else ""
    if open_release and not mine and not over:
        return Plan(Outcome.REFUSED, (in_flight(open_release),))
    if live and (reason := not_ours(live, record)):
        return Plan(Outcome.REFUSED, (reason,))
    if live is None or not live.champion_version or (mine and not mine.from_version):
        return _first(request, mode, live, record, mine, over)
    if reason := no_room(live, record):
        return Plan(Outcome.REFUSED, (reason,))
    return _canary(request, live, record, mine, over)


def _first(
    request: ReleaseRequest,
    mode: Mode,
    live: LiveService | None,
    record: ReleaseRecord | None,
    mine: Release | None,
    over: str,
) -> Plan:
    """No version has proven itself here: this one takes everything."""
    name = _arm_name(request, mode, live.stable if live else None, record, mine)
    spec = service_manifests.stable_spec(_predictor(request, mode, name))
    return Plan(
        Outcome.FIRST_RELEASE,
        spec=spec,
        # Set already when an earlier try died right after its probe.
        champion=live.champion_version if live else "",
        arm=name,
        continues=mine.epoch if mine else 0,
        ends=over,
        revision_before=_revision_before(live, spec, mine),
    )


def _canary(
    request: ReleaseRequest, live: LiveService, record: ReleaseRecord | None, mine: Release | None, over: str
) -> Plan:
    name = _arm_name(request, live.mode, live.canary, record, mine)
    previous = previous_spec(live, record)
    candidate = _predictor(request, live.mode, name)
    spec = service_manifests.canary_spec(live.mode, previous["predictor"], candidate, request.percent)
    return Plan(
        Outcome.CANARY,
        spec=spec,
        champion=live.champion_version,
        from_version=live.champion_version,
        previous=previous,
        arm=name,
        weight=request.percent,
        continues=mine.epoch if mine else 0,
        ends=over,
        revision_before=_revision_before(live, spec, mine),
    )


def _same(release: Release, request: ReleaseRequest, live: LiveService | None) -> bool:
    """Whether the open release is this very one, begun by an earlier try or by another run of the same content."""
    if (release.to_version, release.digest, release.uri) != (request.version, request.digest, request.uri):
        return False
    champion = live.champion_version if live else ""
    if not release.from_version:
        return champion in ("", request.version)
    if not champion or release.weight != request.percent:
        return False
    return release.state is not State.SERVING or is_live(release, live)


def _arm_name(
    request: ReleaseRequest, mode: Mode, there: Arm | None, record: ReleaseRecord | None, mine: Release | None
) -> str:
    """``v<version>``, or a fresh name when the version had an arm before: a name is never used again.

    An arm that is there with the same model keeps its name: KServe refuses another name for the same model.
    """
    if mode is Mode.KNATIVE:
        return ""  # Knative numbers its revisions itself
    if mine and mine.evidence.get("arm"):
        return str(mine.evidence["arm"])
    if there and there.name and (there.digest, there.uri) == (request.digest, request.uri):
        return there.name
    epoch = (record.epoch if record else 0) + 1
    used = {str(each.evidence.get("arm", "")) for each in (record.releases if record else ())}
    plain = f"v{request.version}"
    return f"{plain}-e{epoch}" if plain in used else plain


def _predictor(request: ReleaseRequest, mode: Mode, name: str) -> dict[str, Any]:
    return service_manifests.predictor(
        mode,
        arm_name=name,
        version=request.version,
        digest=request.digest,
        uri=request.uri,
        runtime=request.runtime,
        overrides=request.overrides,
        variables=request.payload_log,
    )


def _revision_before(live: LiveService | None, spec: Mapping[str, Any], mine: Release | None) -> str:
    if mine:
        return str(mine.evidence.get("revision_before", ""))
    if live is None or _contains(live.spec.get("predictor"), spec["predictor"]):
        return ""
    return str(rollout.predictor_status(live).get("latestCreatedRevision", ""))


def _contains(live: Any, ours: Any) -> bool:
    """Whether a live value says all that ours does; the API adds defaults of its own."""
    if isinstance(ours, Mapping):
        return isinstance(live, Mapping) and all(_contains(live.get(key), value) for key, value in ours.items())
    if isinstance(ours, list):
        return isinstance(live, list) and len(live) == len(ours) and all(map(_contains, live, ours))
    return bool(live == ours)
