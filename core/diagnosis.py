"""What an examination of a cluster found: findings, each with its fix."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from kfp_lifecycle.core.redaction import redacted


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"  # may be right, or cannot be told from here
    FAILURE = "failure"  # a run would fail


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis.

    Attributes:
        name: what was looked at.
        remedy: what to do; empty only where nothing is to be done.
    """

    name: str
    level: Level
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.level is Level.OK) != (not self.remedy):
            raise ValueError(f"{self.name}: a finding has a remedy unless all is well: {self!r}")

    def line(self) -> str:
        """As it is printed."""
        said = f"{self.level:<8} {self.name:<18} {self.text}"
        if self.remedy:
            said = f"{said.rstrip('.')}. Fix: {self.remedy}"
        return " ".join(said.splitlines())


def ok(name: str, text: str) -> Finding:
    """All is well."""
    return Finding(name, Level.OK, text)


def warning(name: str, text: str, remedy: str) -> Finding:
    """It may work, or cannot be told."""
    return Finding(name, Level.WARNING, text, remedy)


def failure(name: str, text: str, remedy: str) -> Finding:
    """A run would fail."""
    return Finding(name, Level.FAILURE, text, remedy)


def count(findings: Iterable[Finding]) -> dict[Level, int]:
    """How many there are of each level."""
    counts = dict.fromkeys(Level, 0)
    for finding in findings:
        counts[finding.level] += 1
    return counts


def as_json(findings: Collection[Finding]) -> dict[str, Any]:
    """The diagnosis as plain values: ``findings`` and how many there are of each level."""
    return {
        "findings": [asdict(finding) for finding in findings],
        "counts": {level.value: number for level, number in count(findings).items()},
    }


def without_secrets(finding: Finding, secrets: Collection[str]) -> Finding:
    """The finding without these values, and without the credentials of any address in it."""
    return replace(finding, text=redacted(finding.text, secrets), remedy=redacted(finding.remedy, secrets))
