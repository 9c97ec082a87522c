"""Why a version must not be promoted any more. Pure."""

from __future__ import annotations

from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.release import ReleaseRecord, State
from kfp_lifecycle.core.release_place import Place, found_instead, place


def why_stale(live: LiveService, record: ReleaseRecord, version: str) -> str:
    """A sentence with what was found; empty if its canary stands beside the champion that it was judged against."""
    held = record.open
    if held is None or held.to_version != version:
        newest = record.newest
        last = f"; the newest release, of version {newest.to_version}, is {newest.state}" if newest else ""
        return f"no release of version {version} is open (found {found_instead(live)}{last})"
    if live.champion_version != held.from_version:
        return (
            f"version {version} was judged against version {held.from_version}, which is no longer the champion (found "
            f"{found_instead(live)})"
        )
    if place(live, held) is not Place.CANARY:
        return (
            f"version {version} does not stand beside the champion with digest {held.digest} (found "
            f"{found_instead(live)})"
        )
    if held.state is not State.SERVING:
        return f"version {version} is {held.state} and has not answered its example yet"
    return ""
