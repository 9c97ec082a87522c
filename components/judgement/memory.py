"""What a judge keeps in the release record from check to check, so that the next one carries on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from kfp_lifecycle.components.judgement.state import State, from_json, resumed, to_json
from kfp_lifecycle.components.judgement.tally import Tally
from kfp_lifecycle.core.release import JUDGE_EVIDENCE as KEY
from kfp_lifecycle.core.release import Release
from kfp_lifecycle.core.window import format_time, parse_time


@dataclass(frozen=True)
class Memory:
    """A judgement under way.

    Attributes:
        began: when its first judge started; the deadline counts from here.
        restarts: of the canary's pods, as seen at the last check.
        tally: of the replayed rows; its counts per check are not kept.
    """

    began: datetime
    state: State = field(default_factory=State)
    restarts: Mapping[str, int] | None = None
    tally: Tally = field(default_factory=Tally)

    def seconds(self, now: datetime) -> float:
        """Since the judgement began."""
        return max(0.0, (now - self.began).total_seconds())


@dataclass
class Progress:
    """What is known by now, also to whoever catches what ends a judgement."""

    memory: Memory


def recalled(release: Release, now: datetime) -> Memory:
    """What an earlier judge of this release knew; a new memory if there was none.

    Raises:
        ValueError: it was written by another version of the library.
    """
    kept = release.evidence.get(KEY)
    if not kept:
        return Memory(now)
    return Memory(
        parse_time(kept["began_at"], "began_at"),
        resumed(from_json(kept["state"])),
        kept["restarts"],
        Tally(**kept["tally"]),
    )


def evidence_of(memory: Memory) -> dict[str, Any]:
    """What goes into the record's evidence."""
    tally = {name: value for name, value in asdict(memory.tally).items() if name != "arms"}
    kept = {
        "began_at": format_time(memory.began),
        "state": to_json(memory.state),
        "restarts": dict(memory.restarts) if memory.restarts is not None else None,
        "tally": tally,
    }
    return {KEY: kept}
