"""Versions of the systems around us, and the oldest that we know to work."""

from __future__ import annotations

import re
from typing import TypeAlias

Version: TypeAlias = tuple[int, int]

KFP_FLOOR: Version = (2, 14)
# For canaries in Standard mode; what is older was tested by nobody.
KSERVE_FLOOR: Version = (0, 21)
# Versions of models name a logged model, which older servers do not know.
MLFLOW_FLOOR: Version = (3, 0)

_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)?(?:[-+.].*)?")


def read_version(text: str) -> Version | None:
    """Major and minor of ``2.14.3``, ``v0.21.0-rc1`` or ``0.21``; None for what is no version, as ``latest``."""
    found = _NUMBERS.fullmatch(text.strip())
    return (int(found[1]), int(found[2])) if found else None


def image_version(image: str) -> Version | None:
    """The version that an image's tag names; None for an image by digest alone or with another kind of tag."""
    name = image.partition("@")[0].rpartition("/")[2]
    return read_version(name.partition(":")[2])


def written(version: Version) -> str:
    """As ``2.14``."""
    return f"{version[0]}.{version[1]}"
