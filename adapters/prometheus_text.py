"""Samples of a page in Prometheus' text format, as far as proxies write it: names, labels, values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf"({_NAME})\s*(?:\{{(.*)\}})?\s+(\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)="((?:\\.|[^"\\])*)"\s*(?:,|$)')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Sample:
    """One line: ``name{labels} value``."""

    name: str
    labels: dict[str, str]
    value: float


def samples(page: str) -> Iterator[Sample]:
    """The samples of a page, line by line.

    Raises:
        ValueError: a line is neither a sample nor a comment.
    """
    # Not splitlines(): the format knows no other line ends.
    for line in page.split("\n"):
        text = line.strip()
        if text and not text.startswith("#"):
            match = _SAMPLE.fullmatch(text)
            if not match:
                raise ValueError(f"no sample: {text[:200]!r}")
            yield Sample(match.group(1), _labels(match.group(2) or ""), float(match.group(3)))


def _labels(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _LABEL.match(text, place)
        if not match:
            raise ValueError(f"no labels: {text[:200]!r}")
        found[match.group(1)] = _ESCAPED.sub(
            lambda each: "\n" if each.group(1) == "n" else each.group(1), match.group(2)
        )
        place = match.end()
    return found
