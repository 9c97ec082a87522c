"""Which releases of a record stay when it is full, and how much of each. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kfp_lifecycle.core.release import Release


def last(releases: tuple[Release, ...], number: int) -> tuple[Release, ...]:
    """The last ``number`` of them, at least two; the one that made the champion stays, however old."""
    while len(releases) > number and (fewer := without_oldest(releases)):
        releases = fewer
    return releases


def without_oldest(releases: tuple[Release, ...]) -> tuple[Release, ...]:
    """One fewer; empty where none can go.

    The newest stays, and so does the newest that made a champion: without it a roll back would not know what stood
    before, however many candidates were refused since.
    """
    crowned = [place for place, each in enumerate(releases) if each.crowned]
    needed = {len(releases) - 1, *crowned[-1:]}
    for place in range(len(releases)):
        if place not in needed:
            return (*releases[:place], *releases[place + 1 :])
    return ()


def without_checks(release: Release, judge: str) -> Release:
    """The release without what its judge counted at each check: its verdict is over, and a check a minute adds up.

    Args:
        judge: the key of the judge's evidence.
    """
    learnt = release.evidence.get(judge) or {}
    state = learnt.get("state") or {}
    if not state.get("records"):
        return release
    return replace(release, evidence={**release.evidence, judge: {**learnt, "state": {**state, "records": []}}})
