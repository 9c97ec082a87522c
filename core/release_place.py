"""Where the version of a release is in its live service. Pure."""

from __future__ import annotations

from enum import StrEnum

from kfp_lifecycle.core.inference_service import Arm, LiveService, Mode, arm
from kfp_lifecycle.core.release import Release


class Place(StrEnum):
    """What the service says of a release."""

    CHAMPION = "champion"  # it is named champion, and the stable spec is its own
    CANARY = "canary"  # it stands beside the champion that it came to replace
    PARKED = "parked"  # Knative: taken off, and the champion's spec waits with a share of 0 for its new revision
    ABSENT = "absent"  # the champion that it came to replace stands alone
    FOREIGN = "foreign"  # somebody else changed the service since


def place(live: LiveService, release: Release) -> Place:
    """Read from annotation, versions and digests; names and states of the record do not count."""
    if live.champion_version == release.to_version:
        # In Standard mode a later canary may stand beside it; what counts is who is stable.
        mine = live.stable is not None and live.stable.digest == release.digest
        return Place.CHAMPION if mine else Place.FOREIGN
    if live.champion_version != release.from_version or len(live.canaries) > 1:
        return Place.FOREIGN
    if live.canary:
        mine = (live.canary.version, live.canary.digest) == (release.to_version, release.digest)
        return Place.CANARY if mine else Place.FOREIGN
    if live.mode is Mode.KNATIVE and (live.spec.get("predictor") or {}).get("canaryTrafficPercent") is not None:
        return Place.PARKED
    return Place.ABSENT


def champion_before(release: Release) -> Arm:
    """The arm to go back to, from the recorded spec."""
    return arm(release.previous_spec.get("predictor") or {}, 100)


def found_instead(live: LiveService) -> str:
    """What the service holds, for a sentence that says why it is not what was expected."""
    canaries = ", ".join(
        f"version {each.version or each.name or 'unknown'} at {each.weight} %" for each in live.canaries
    )
    return f"champion {live.champion_version or 'none'}, {f'canary {canaries}' if canaries else 'no canary'}"
