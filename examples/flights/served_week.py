"""A week's flights as requests of many flights each, under ids by which late labels are joined."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import weeks
from traffic import PROBABILITIES

from kfp_lifecycle.core.logged_rows import REQUEST_ID, ROW

AT_ONCE = 50
_TYPES = {"O": "BYTES", "i": "INT64", "f": "FP64"}


def serve(gateway: str, host: str, model: str, rows: pd.DataFrame, week: int) -> np.ndarray:
    """Send the flights in order of departure; the probabilities of being late come back in that order.

    Raises:
        SystemExit: a request failed.
    """
    address = urlsplit(gateway)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    found = []
    for number, start in enumerate(range(0, len(rows), AT_ONCE)):
        part = rows.iloc[start : start + AT_ONCE]
        identifier = request_id(week, number)
        headers = {
            "Host": host,
            "Content-Type": "application/json",
            "X-Request-Id": identifier,
            "X-Event-Time": part["scheduled_departure"].iloc[0].isoformat(),
        }
        connection.request("POST", f"/v2/models/{model}/infer", json.dumps(body(part, identifier)), headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise SystemExit(f"request {identifier} failed with {response.status}: {content[:300]!r}")
        (output,) = (each for each in json.loads(content)["outputs"] if each["name"] == PROBABILITIES)
        found.append(np.reshape(output["data"], (len(part), -1))[:, -1])
    connection.close()
    return np.concatenate(found)


def body(part: pd.DataFrame, identifier: str) -> dict[str, Any]:
    """An Open Inference request: one tensor a column."""
    inputs = []
    for name in weeks.FEATURES:
        column = part[name]
        values = [None if pd.isna(value) else value for value in column.tolist()]
        inputs.append({"name": name, "shape": [len(part)], "datatype": _TYPES[column.dtype.kind], "data": values})
    return {"id": identifier, "inputs": inputs, "outputs": [{"name": PROBABILITIES}]}


def wait_until_logged(folder: Path, week: int, flights: int, seconds: float = 60.0) -> None:
    """Return when the log holds the last request of a week; the predictor writes a part every few seconds.

    Raises:
        SystemExit: it does not come.
    """
    wanted, seen = request_id(week, (flights - 1) // AT_ONCE), set[Path]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for path in sorted(set(folder.rglob("*.parquet")) - seen):
            seen.add(path)
            if wanted in pq.ParquetFile(path).read([REQUEST_ID])[REQUEST_ID].to_pylist():
                return
        time.sleep(0.2)
    raise SystemExit(f"the log in {folder} holds no request {wanted}")


def request_id(week: int, number: int) -> str:
    return f"week-{week:02d}-{number:04d}"


def write_labels(rows: pd.DataFrame, week: int, folder: Path) -> None:
    """What is known of a week's flights once its labels are there: a table keyed as the log is."""
    order = np.arange(len(rows))
    ids = [request_id(week, number) for number in order // AT_ONCE]
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({REQUEST_ID: ids, ROW: order % AT_ONCE, "late": rows["late"].to_numpy()})
    table.to_parquet(folder / f"week={week:02d}.parquet", index=False)
