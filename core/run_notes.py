"""What the last gate of a run said, kept where the run's exit handler finds it: an exit task gets no inputs. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

KEPT = 50
_LONGEST = 600
# What a ConfigMap takes for a key.
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


@dataclass(frozen=True)
class RunNote:
    """A gate's word on a run.

    Attributes:
        said: step, outcome and reasons in a sentence.
        refused: whether it said no.
        at: when, ISO 8601 in UTC; orders the notes.
    """

    said: str
    refused: bool
    at: str


def is_key(run_id: str) -> bool:
    """Whether a note can be kept under this id."""
    return bool(_KEY.fullmatch(run_id))


def with_note(kept: Mapping[str, str], run_id: str, note: RunNote) -> dict[str, str]:
    """The notes with another one; the oldest give way."""
    text = json.dumps({**asdict(note), "said": note.said[:_LONGEST]}, ensure_ascii=False)
    notes = {**kept, run_id: text}
    newest = sorted(notes, key=lambda key: _at(notes[key]))[-KEPT:]
    return {key: notes[key] for key in newest}


def note_of(kept: Mapping[str, str], run_id: str) -> RunNote | None:
    """The note on a run; None where there is none, or one that nobody can read."""
    try:
        content = json.loads(kept[run_id])
        return RunNote(str(content["said"]), bool(content["refused"]), str(content["at"]))
    except (KeyError, TypeError, ValueError):
        return None


def _at(text: str) -> str:
    try:
        return str(json.loads(text)["at"])
    except (KeyError, TypeError, ValueError):
        return ""
