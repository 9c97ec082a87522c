"""A decision: what was decided, why, and on which numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.errors import InputError

# To change the format: raise this number, keep a reader of the old one in load_decision, and a test of both.
FORMAT = 1


@dataclass(frozen=True)
class Decision:
    """The outcome of a gate with everything that led to it; a report is only a rendering of this.

    Attributes:
        outcome: one word of the deciding step's own vocabulary.
        reasons: sentences, the deciding one first.
        numbers: what was measured, finite; names carry the unit where there is one.
        inputs: what the decision was made from (digests, names, limits).
    """

    outcome: StrEnum
    reasons: Sequence[str]
    numbers: Mapping[str, float | int] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.numbers.items():
            if not math.isfinite(value):
                raise ValueError(f"number {name} of a decision is {value}: leave out what was not measured")


@dataclass(frozen=True)
class SavedDecision:
    """A decision read back from a file; its outcome is plain text, as another step's vocabulary is not known here."""

    outcome: str
    reasons: tuple[str, ...]
    numbers: dict[str, float]
    inputs: dict[str, Any]


def save_decision(decision: Decision, path: str | Path) -> None:
    """Write the decision as JSON; the same decision gives the same bytes."""
    content = {
        "format": FORMAT,
        "outcome": str(decision.outcome),
        "reasons": list(decision.reasons),
        "numbers": dict(decision.numbers),
        "inputs": dict(decision.inputs),
    }
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def load_decision(path: str | Path) -> SavedDecision:
    """Read a decision that ``save_decision`` wrote."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    if content.get("format") != FORMAT:
        raise ValueError(f"{path} has format {content.get('format')!r}: this version reads format {FORMAT}")
    return SavedDecision(content["outcome"], tuple(content["reasons"]), content["numbers"], content["inputs"])


def decision_of(artifact: Artifact, outcome: str) -> SavedDecision:
    """The decision that another step hands on together with its outcome.

    Raises:
        InputError: the file is no decision, or not the one of this outcome.
    """
    try:
        saved = load_decision(artifact.path)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            "decision", artifact.uri or artifact.path, "the decision.json of a step", f"Pass on its output ({error})."
        ) from error
    if saved.outcome != outcome:
        raise InputError(
            "outcome", outcome, f"{saved.outcome!r}, which the decision holds", "Pass outcome and decision of one step."
        )
    return saved
