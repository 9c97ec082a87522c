"""A place to collect to, and files to collect from."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.components.collection.collection import collect
from kfp_lifecycle.core.table import TableInfo, read_batches, read_info, read_schema


def content(table: pa.Table | pd.DataFrame | dict[str, Any] | str, name: str) -> bytes:
    """A file's bytes, in the format that its name says."""
    if isinstance(table, str):
        plain = table.encode()
    else:
        frame = table if isinstance(table, pd.DataFrame) else pa.table(table).to_pandas()
        buffer = io.BytesIO()
        if name.endswith((".parquet", ".pq")):
            whole = (
                pa.Table.from_pandas(frame, preserve_index=False)
                if isinstance(table, pd.DataFrame)
                else pa.table(table)
            )
            pq.write_table(whole, buffer)
            plain = buffer.getvalue()
        elif ".csv" in name:
            plain = frame.to_csv(index=False).encode()
        else:
            plain = frame.to_json(orient="records", lines=True, date_format="iso").encode()
    return gzip.compress(plain) if name.endswith(".gz") else plain


class Workshop:
    """A folder or bucket of files, and a place for the table."""

    def __init__(self, root: str, folder: Path) -> None:
        self.root = root
        self.table = SimpleNamespace(path=str(folder / "table"), uri="", metadata={})
        self.as_of = ""

    def put(self, name: str, table: pa.Table | pd.DataFrame | dict[str, Any] | str | bytes) -> str:
        uri = object_store.join(self.root, name)
        object_store.create(uri, table if isinstance(table, bytes) else content(table, name))
        return uri

    def collect(self, uri: str = "", **options: Any) -> pa.Table:
        rows, digest, self.as_of = collect(uri or self.root, self.table, **options)
        info = TableInfo.from_metadata(self.table.metadata)
        assert info == read_info(self.table.path)
        assert (rows, digest) == (info.rows, info.digest)
        return pa.Table.from_batches(read_batches(self.table.path), read_schema(self.table.path))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(str(tmp_path / "data"), tmp_path)


@pytest.fixture
def bucket(s3: str, tmp_path: Path) -> Workshop:
    return Workshop(s3, tmp_path)


@pytest.fixture(scope="session")
def make_workshop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workshop]:
    """A new workshop at each call, for tests that try many examples."""

    def make() -> Workshop:
        folder = tmp_path_factory.mktemp("collect")
        return Workshop(str(folder / "data"), folder)

    return make
