"""What a judge knows after its checks, as plain JSON: a judge that was killed carries on from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from kfp_lifecycle.components.judgement.canary import Counts, Evidence

# To change the format: raise this number, keep a reader of the old one in from_json, and a test of both.
FORMAT = 1
RECORDS = 400
_SHOWN = 200


class Answer(StrEnum):
    """What a check leads to."""

    WAIT = "wait"
    HOLD = "hold"  # something beside the model is at fault: wait, and call somebody
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


class Seen(StrEnum):
    """What a check was worth."""

    COUNTED = "counted"
    DROPPED = "dropped"  # its interval may reach back over a weight change or a restart
    NO_TRAFFIC = "no_traffic"
    CANARY_SILENT = "canary_silent"
    STABLE_SILENT = "stable_silent"
    UNANSWERED = "unanswered"  # a query failed
    MISROUTED = "misrouted"


@dataclass(frozen=True)
class Record:
    """One check for the report.

    Attributes:
        arms: per metric the canary's requests and bad ones, then the stable arm's.
        evidence: per metric ``worse`` and ``no_worse``.
        reason: empty for a counted check that just waits.
    """

    seconds: float
    weight: int
    arms: Mapping[str, tuple[int, int, int, int]]
    evidence: Mapping[str, tuple[float, float]]
    seen: Seen
    answer: Answer
    reason: str = ""


@dataclass(frozen=True)
class State:
    """After some checks.

    Attributes:
        evidence: per metric.
        seconds: of the last check.
        weight: of the last check; 0 before the first.
        fresh: whether the next check is dropped.
        counted: counted checks at this weight.
        replayed: disagreements and rows; None when no rows are replayed.
        silent: seconds that the canary has got nothing while the stable arm got requests.
        query_errors: failed queries running.
        not_ready: checks running in which the canary was not ready, once it had been at this weight.
        settling: whether it has not been ready yet since the weight went up.
        since: seconds of the first check at this weight.
        checks: all of them, also those no longer on record.
        very_bad: per metric the checks running in which the canary's share would stop the release.
        routed: requests of canary and stable arm since the weight changed, or since the split was last looked at
            while it is wrong.
        misrouted: why the split is wrong; empty when it is not.
        over: why the canary is rolled back; empty while it is not. It stands whatever later checks see.
        records: the last checks.
    """

    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    seconds: float = 0.0
    weight: int = 0
    fresh: bool = True
    counted: int = 0
    replayed: tuple[int, int] | None = None
    silent: float = 0.0
    query_errors: int = 0
    not_ready: int = 0
    settling: bool = False
    since: float = 0.0
    checks: int = 0
    very_bad: Mapping[str, int] = field(default_factory=dict)
    routed: tuple[int, int] = (0, 0)
    misrouted: str = ""
    over: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()


def shown(text: str) -> str:
    """A text of others, cut so that a state stays small."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def resumed(state: State) -> State:
    """The state for a judge that takes over: its first interval has no beginning, so its first check is dropped."""
    return replace(state, fresh=True)


def recorded(state: State, record: Record) -> State:
    """The state with one more check on record; the oldest go first."""
    return replace(state, checks=state.checks + 1, records=(*state.records, record)[-RECORDS:])


def to_json(state: State) -> dict[str, Any]:
    """Plain JSON, smaller than 256 bytes for each check on record with two metrics and no reason."""
    content = {name: getattr(state, name) for name in State.__dataclass_fields__}
    return {
        **content,
        "format": FORMAT,
        "evidence": {metric: asdict(evidence) for metric, evidence in state.evidence.items()},
        "very_bad": dict(state.very_bad),
        "replayed": list(state.replayed) if state.replayed else None,
        "routed": list(state.routed),
        "over": list(state.over),
        "records": [record_to_json(record) for record in state.records],
    }


def from_json(content: Mapping[str, Any]) -> State:
    """The state that ``to_json`` wrote.

    Raises:
        ValueError: it was written in another format.
    """
    fields = dict(content)
    if fields.pop("format", None) != FORMAT:
        raise ValueError(f"the state of the judgement has format {content.get('format')!r}: this reads {FORMAT}")
    fields["evidence"] = {metric: _evidence(saved) for metric, saved in fields["evidence"].items()}
    fields["replayed"] = tuple(fields["replayed"]) if fields["replayed"] else None
    fields["routed"] = tuple(fields["routed"])
    fields["over"] = tuple(fields["over"])
    fields["records"] = tuple(_record(saved) for saved in fields["records"])
    return State(**fields)


def _evidence(saved: Mapping[str, Any]) -> Evidence:
    return Evidence(saved["worse"], saved["no_worse"], Counts(**saved["canary"]), Counts(**saved["stable"]))


def record_to_json(record: Record) -> list[Any]:
    """Seconds, weight, counts, evidence, what it was worth, the answer and its reason."""
    return [
        record.seconds,
        record.weight,
        {metric: list(counts) for metric, counts in record.arms.items()},
        {metric: list(pair) for metric, pair in record.evidence.items()},
        str(record.seen),
        str(record.answer),
        record.reason,
    ]


def _record(saved: list[Any]) -> Record:
    seconds, weight, arms, evidence, seen, answer, reason = saved
    return Record(
        seconds,
        weight,
        {metric: tuple(counts) for metric, counts in arms.items()},
        {metric: tuple(pair) for metric, pair in evidence.items()},
        Seen(seen),
        Answer(answer),
        reason,
    )
