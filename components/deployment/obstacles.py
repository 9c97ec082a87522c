"""What stands against a release: somebody else's, the same one, or nothing to go back to. Pure.

Each function answers with a sentence, empty where nothing stands against it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kfp_lifecycle.components.deployment.request import ReleaseRequest
from kfp_lifecycle.core import rollout
from kfp_lifecycle.core.inference_service import Arm, LiveService, Mode, arm
from kfp_lifecycle.core.release import JUDGE_EVIDENCE, Release, ReleaseRecord, State

_WHOLE = 100


def champion_already(request: ReleaseRequest, live: LiveService, record: ReleaseRecord | None) -> str:
    if not live.champion_version:
        return ""
    stable = live.stable or arm(previous_spec(live, record).get("predictor") or {}, 0)
    if stable.digest == request.digest:
        return f"version {live.champion_version} with this digest is champion already"
    return ""


def canary_already(request: ReleaseRequest, live: LiveService, record: ReleaseRecord | None) -> str:
    """Once a judge has it, its share is the judge's business: it stands whatever share is asked for."""
    open_release, canary = record.open if record else None, live.canary
    if not open_release or not canary or not is_live(open_release, live) or canary.digest != request.digest:
        return ""
    if canary.weight == request.percent or JUDGE_EVIDENCE in open_release.evidence:
        return f"version {canary.version} with this digest has {canary.weight} % of the traffic already"
    return ""


def in_flight(release: Release) -> str:
    return (
        f"release {release.epoch} of version {release.to_version} is {release.state}, held by run {release.run_id!r} "
        f"until {release.expires_at:%Y-%m-%dT%H:%M:%SZ}: wait for it, or take its canary off"
    )


def why_over(release: Release, request: ReleaseRequest, live: LiveService | None, now: datetime) -> str:
    """Why an open release of other content no longer counts; empty while it does."""
    who = f"release {release.epoch} (version {release.to_version}, run {release.run_id!r})"
    if release.state is State.SERVING and not is_live(release, live):
        return f"{who} is no longer in the InferenceService"
    if release.run_id == request.run_id:
        return f"{who} was given up by its own run"
    if release.expired(now):
        return f"{who} was not renewed in time, so its run is taken for dead"
    return ""


def not_ours(live: LiveService, record: ReleaseRecord | None) -> str:
    """Why the live canary must not be touched; empty if there is none, or if a release of ours put it there."""
    if len(live.canaries) > 1:
        names = ", ".join(each.name for each in live.canaries)
        return f"the service has {len(live.canaries)} canaries ({names}), which no release of ours put there"
    if live.canary and not _release_of(live.canary, record):
        name = live.canary.name or f"version {live.canary.version or 'unknown'}"
        return f"the service has the canary {name}, which no release of ours put there: take it off first"
    return ""


def no_room(live: LiveService, record: ReleaseRecord | None) -> str:
    """Why Knative could not keep the champion beside a new canary; empty where it can."""
    if live.mode is not Mode.KNATIVE:
        return ""
    if not rollout.predictor_status(live).get("latestRolledoutRevision"):
        return "Knative has rolled out no revision yet, so a canary would take all traffic: wait until it is ready"
    if live.canary and live.canary.weight >= _WHOLE:
        return f"version {live.canary.version} has all traffic without being champion: take it off first"
    if live.canary and not previous_spec(live, record):
        return "the record does not hold the champion's spec"
    return ""


def is_live(release: Release, live: LiveService | None) -> bool:
    return bool(live) and any(
        (each.version, each.digest) == (release.to_version, release.digest) for each in (live.canaries if live else ())
    )


def previous_spec(live: LiveService, record: ReleaseRecord | None) -> dict[str, Any]:
    """The complete spec without any canary; empty when it cannot be known."""
    if live.stable:
        rest = {key: value for key, value in live.spec.items() if key not in ("predictor", "canary")}
        return {**rest, "predictor": dict(live.stable.predictor)}
    # Knative: the candidate stands in the spec, and only the release that put it there knows what stood before.
    release = _release_of(live.canary, record)
    return dict(release.previous_spec) if release else {}


def _release_of(canary: Arm | None, record: ReleaseRecord | None) -> Release | None:
    """The newest release that put this canary in place."""
    found = [
        each
        for each in (record.releases if record else ())
        if canary and (each.to_version, each.digest) == (canary.version, canary.digest) and each.from_version
    ]
    return found[-1] if found else None
