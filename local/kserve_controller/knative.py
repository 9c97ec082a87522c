"""Knative mode: revisions and their traffic, from the spec and what was before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kfp_lifecycle.local.kserve_controller import names
from kfp_lifecycle.local.kserve_controller.templates import Template


@dataclass(frozen=True)
class Revision:
    """An immutable copy of a pod template.

    Attributes:
        ready: it has been ready once; later crashes do not take that away.
        failure: why it cannot become ready, as Knative words it; empty while there is hope.
    """

    name: str
    number: int
    template: Template
    created: float
    ready: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Target:
    """A line of the Knative Service's wanted traffic; no revision means the latest ready one."""

    percent: int
    revision: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Rolled:
    """The part of ``status.components.predictor`` that decides on the next traffic."""

    latest_rolledout: str = ""
    previous_rolledout: str = ""


def with_template(revisions: Sequence[Revision], service: str, template: Template, now: float) -> tuple[Revision, ...]:
    """The revisions after the template was applied: any change of it makes a new one, going back too."""
    if revisions and revisions[-1].template.digest == template.digest:
        return tuple(revisions)
    number = revisions[-1].number + 1 if revisions else 1
    return (*revisions, Revision(names.revision(service, number), number, template, now))


def latest_ready(revisions: Sequence[Revision]) -> str:
    """The newest revision that has been ready; empty if none was."""
    return next((revision.name for revision in reversed(revisions) if revision.ready), "")


def targets(percent: int | None, rolled: Rolled, *, tag_routing: bool) -> tuple[Target, ...]:
    """The wanted traffic (KServe: createKnativeService).

    A percentage counts only once a revision was rolled out: a first deployment takes everything whatever is asked.
    """
    tag = "latest" if tag_routing else ""
    if percent is None or not rolled.latest_rolledout:
        return (Target(100, tag=tag),)
    latest = Target(percent, tag=tag)
    if percent >= 100:
        return (latest,)
    return (latest, Target(100 - percent, revision=rolled.latest_rolledout, tag="prev"))


def shares(targets_: Sequence[Target], ready: str) -> tuple[tuple[str, int], ...]:
    """Weight of each revision; targets that resolve to the same revision add up."""
    total: dict[str, int] = {}
    for target in targets_:
        name = target.revision or ready
        total[name] = total.get(name, 0) + target.percent
    return tuple(total.items())


def rolled_after(rolled: Rolled, targets_: Sequence[Target], revisions: Sequence[Revision]) -> Rolled:
    """Which revision counts as rolled out once the traffic is as wanted (KServe: PropagateStatus).

    The second case is KServe's roll back after a promotion: traffic that is split over one and the same revision
    makes the previous one count as rolled out again.
    """
    ready = latest_ready(revisions)
    if not ready:
        return rolled
    latest = next(target for target in targets_ if not target.revision)
    if rolled.latest_rolledout != ready:
        if latest.percent == 100:
            return Rolled(ready, rolled.latest_rolledout)
        return rolled
    same = ready == revisions[-1].name and dict(shares(targets_, ready)).get(ready) == 100
    if same and latest.percent < 100 and rolled.previous_rolledout:
        return replace(rolled, latest_rolledout=rolled.previous_rolledout)
    return rolled


def settle(
    percent: int | None, rolled: Rolled, revisions: Sequence[Revision], *, tag_routing: bool
) -> tuple[tuple[Target, ...], Rolled]:
    """Traffic and rolled-out revisions after as many turns of the controller as it takes until nothing changes."""
    for _ in range(4):
        wanted = targets(percent, rolled, tag_routing=tag_routing)
        after = rolled_after(rolled, wanted, revisions)
        if after == rolled:
            break
        rolled = after
    return targets(percent, rolled, tag_routing=tag_routing), rolled


def traffic_status(targets_: Sequence[Target], ready: str, *, url: str) -> list[dict[str, Any]]:
    """``status.traffic`` of the Knative Service; empty until a revision is ready.

    Args:
        url: ``http://{tag}-...`` pattern with ``{tag}`` for the tag.
    """
    if not ready:
        return []
    lines = []
    for target in targets_:
        line: dict[str, Any] = {
            "latestRevision": not target.revision,
            "percent": target.percent,
            "revisionName": target.revision or ready,
        }
        if target.tag:
            line |= {"tag": target.tag, "url": url.format(tag=target.tag)}
        lines.append(line)
    return lines


def running(revisions: Sequence[Revision], targets_: Sequence[Target]) -> tuple[Revision, ...]:
    """The revisions that have a pod: every one in the traffic (at 0 % too), and the newest until it is ready."""
    named = {target.revision or latest_ready(revisions) for target in targets_}
    newest = revisions[-1]
    return tuple(one for one in revisions if one.name in named or (one is newest and not one.ready))


def kept(revisions: Sequence[Revision], rolled: Rolled, most: int = 20) -> tuple[Revision, ...]:
    """The revisions worth remembering; Knative's garbage collector keeps at most 20 that no route names."""
    needed = {rolled.latest_rolledout, rolled.previous_rolledout, latest_ready(revisions)}
    recent = {revision.name for revision in revisions[-most:]}
    return tuple(one for one in revisions if one.name in needed | recent)


def rolled_from(component: Mapping[str, Any]) -> Rolled:
    """The rolled-out revisions that a status names."""
    return Rolled(
        str(component.get("latestRolledoutRevision", "")), str(component.get("previousRolledoutRevision", ""))
    )
