"""When files in stores were written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def changed_at(info: Mapping[str, Any]) -> datetime | None:
    """When a file was last written, from what ``object_files.listed`` gives; None where its store does not say."""
    found = info.get("LastModified") or info.get("mtime")
    if isinstance(found, int | float):
        return datetime.fromtimestamp(found, UTC)
    return found.astimezone(UTC) if isinstance(found, datetime) else None
