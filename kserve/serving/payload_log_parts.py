"""Parts of the payload log: their names and their bytes."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kfp_lifecycle.core.logged_rows import ARRIVAL_TIME

_HOUR = 3600 * 1_000_000

# Set by Knative in the containers of a revision.
_KNATIVE_REVISION = "K_REVISION"
# A pod's name, which is its host name, is that of its Deployment, the digest of its template and a random ending.
_POD = re.compile(r"(?P<deployment>.+)-[a-z0-9]{1,10}-[a-z0-9]{5}")
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Part:
    """One file.

    Attributes:
        hour: its folders below the service's.
    """

    hour: str
    rows: int
    content: bytes


def revision_of(environment: Mapping[str, str] = os.environ) -> str:
    """The arm or revision that this pod belongs to, as the gateway calls it; empty outside a cluster."""
    if revision := environment.get(_KNATIVE_REVISION, ""):
        return revision
    match = _POD.fullmatch(environment.get("HOSTNAME", ""))
    return match["deployment"] if match else ""


def writer_name(revision: str) -> str:
    """A name for the parts of this start of the server, which no other start has."""
    return f"{_SAFE.sub('-', revision) or 'server'}-{secrets.token_hex(6)}"


def parts_of(table: pa.Table) -> list[Part]:
    """The table cut by the hour, UTC, in which its rows arrived; each part is one Parquet file with one row group."""
    hours = table[ARRIVAL_TIME].cast(pa.int64()).to_numpy() // _HOUR
    parts = []
    for hour in np.unique(hours):
        rows = table.filter(pa.array(hours == hour))
        folder = datetime.fromtimestamp(int(hour) * 3600, UTC).strftime("date=%Y-%m-%d/hour=%H")
        parts.append(Part(folder, rows.num_rows, _parquet_bytes(rows)))
    return parts


def _parquet_bytes(table: pa.Table) -> bytes:
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd", compression_level=1, row_group_size=table.num_rows)
    return bytes(buffer.getvalue())
