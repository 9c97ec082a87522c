"""What a step's logic sees of a KFP artifact."""

from __future__ import annotations

from typing import Any, Protocol


class Artifact(Protocol):
    """A folder or file with a little metadata; ``kfp.dsl.Artifact`` fits, and so does a test's dataclass."""

    path: str
    uri: str
    # Travels in the argument list of every later step: keep it small.
    metadata: dict[str, Any]
