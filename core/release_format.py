"""The release record as text.

To change the format: raise ``FORMAT``, keep a reader of the old one here, and a test of both. A step must be able
to read what the previous version of the library wrote, because a release may be open while the image changes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from kfp_lifecycle.core.checksums import canonical_json
from kfp_lifecycle.core.release import Release, ReleaseRecord, State
from kfp_lifecycle.core.release_history import without_oldest
from kfp_lifecycle.core.window import format_time, parse_time

FORMAT = 1
# A ConfigMap holds 1 MiB at most, and etcd counts the object's metadata too.
MAXIMUM_BYTES = 512 * 1024


class RecordError(ValueError):
    """The record cannot be read or stored; the message says what to do."""


def dumps(record: ReleaseRecord) -> str:
    """Canonical JSON below ``MAXIMUM_BYTES``; the oldest finished releases give way when it would be larger.

    Raises:
        RecordError: the newest release and the one that made the champion are too large.
    """
    while True:
        content = canonical_json(
            {
                "format": FORMAT,
                "service": record.service,
                "model": record.model,
                "environment": record.environment,
                "epoch": record.epoch,
                "releases": [_release_to_json(release) for release in record.releases],
            }
        )
        if len(content) < MAXIMUM_BYTES:
            return content.decode()
        fewer = without_oldest(record.releases)
        if not fewer:
            raise RecordError(
                f"the release record of {record.service!r} needs {len(content)} bytes: expected fewer than "
                f"{MAXIMUM_BYTES}. Make the spec of the InferenceService smaller."
            )
        record = replace(record, releases=fewer)


def loads(text: str) -> ReleaseRecord:
    """The record that ``dumps`` wrote.

    Raises:
        RecordError: it is not such a record, or of another format.
    """
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise RecordError(
                f"the release record has format {content['format']!r}: this version of kfp-lifecycle reads format "
                f"{FORMAT}. Use the version that wrote it."
            )
        return ReleaseRecord(
            content["service"],
            content["model"],
            content["environment"],
            int(content["epoch"]),
            tuple(_release_from_json(release) for release in content["releases"]),
        )
    except RecordError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(
            f"the release record is damaged ({type(error).__name__}: {error}). Delete its ConfigMap to start a new "
            "one: the InferenceService stays as it is."
        ) from error


def _release_to_json(release: Release) -> dict[str, Any]:
    return {
        "run_id": release.run_id,
        "epoch": release.epoch,
        "state": str(release.state),
        "expires_at": format_time(release.expires_at),
        "from_version": release.from_version,
        "to_version": release.to_version,
        "digest": release.digest,
        "uri": release.uri,
        "weight": release.weight,
        "previous_spec": release.previous_spec,
        "started_at": format_time(release.started_at),
        "finished_at": format_time(release.finished_at) if release.finished_at else None,
        "evidence": release.evidence,
    }


def _release_from_json(content: dict[str, Any]) -> Release:
    times = {
        name: parse_time(content[name], name) if content[name] is not None else None
        for name in ("expires_at", "started_at", "finished_at")
    }
    return Release(**{**content, **times, "state": State(content["state"])})
