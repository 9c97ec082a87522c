"""A whole table as the reference: its columns are sorted once, and kept by the table's digest.

A cache folder holds ``index.json`` and one array a column of numbers, as numpy writes plain arrays; nothing in it is a
pickle, and nothing is loaded by unpickling. It is a copy of the table's values: keep it where the table may be.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kfp_lifecycle.components.monitoring.engines.column_values import CategoryColumn, ColumnValues, misfit, read_columns
from kfp_lifecycle.components.monitoring.engines.reference import ColumnReference, NumberReference, Reference
from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes, sha256_file
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.pickles import refuse_pickles
from kfp_lifecycle.core.signature import ColumnType
from kfp_lifecycle.core.sketches import sketch_counts, sketch_from_json, sketch_to_json
from kfp_lifecycle.core.table import SCHEMA, read_batches, read_info, read_schema, table_digest

_INDEX = "index.json"
_FORMAT = 1
_COLUMNS_AT_ONCE = 4
_TRIES = 2


def table_reference(
    directory: str | Path, columns: Mapping[str, ColumnType], cache: str | Path, digest: str = ""
) -> Reference:
    """Every value of a table; read from the cache if the same table was sorted before.

    Args:
        directory: a folder written by ``core.table``.
        columns: to compare with, by name and type; the score is no column of a training table.
        cache: a folder of sorted columns; made when it is absent.
        digest: of the table that is meant; empty takes the table as it describes itself.

    Raises:
        InputError: no table, another table than ``digest``, changed parts, a column that it lacks or holds otherwise,
            or a pickle in the table's or the cache's folder.
    """
    refuse_pickles(directory, "reference_uri", (SCHEMA, "*.parquet"))
    described = read_info(directory).digest
    if digest and described != digest:
        raise InputError("reference_uri", described, f"the table with digest {digest}", "Name that table.")
    if found := cached_reference(described, columns, cache):
        return found
    if (actual := table_digest(directory)) != described:
        raise InputError(
            "reference_uri", actual, f"the digest {described} that the table names", "Write the table again."
        )
    folder = _folder(described, columns, cache)
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.partial")
    partial.mkdir(parents=True)
    try:
        _write(directory, described, columns, partial)
        for _ in range(_TRIES):
            # Where another process has sorted the same table a moment before, its folder stays.
            with contextlib.suppress(OSError):
                partial.rename(folder)
            if found := cached_reference(described, columns, cache):
                return found
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    raise InputError("cache", str(cache), "a folder in which files can be made and renamed", "Name another folder.")


def cached_reference(digest: str, columns: Mapping[str, ColumnType], cache: str | Path) -> Reference | None:
    """The reference if that table's columns lie in the cache whole and unchanged, else None.

    Raises:
        InputError: a pickle lies in the cache's folder.
    """
    folder = _folder(digest, columns, cache)
    if not (folder / _INDEX).is_file():
        return None
    refuse_pickles(folder, "cache", (_INDEX, "*.npy"))
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        if index["format"] != _FORMAT or index["table_digest"] != digest:
            return None
        loaders = {name: _loader(folder, entry) for name, entry in index["columns"].items()}
    except (ValueError, KeyError, TypeError, OSError) as error:
        print(f"the cache {folder.name} is damaged and made again: {error!r}", flush=True)
        return None
    return Reference("table", int(index["rows"]), loaders)


def _folder(digest: str, columns: Mapping[str, ColumnType], cache: str | Path) -> Path:
    key = sha256_bytes(canonical_json([digest, _FORMAT, dict(columns)]))
    return Path(cache) / key


def _write(directory: str | Path, digest: str, columns: Mapping[str, ColumnType], folder: Path) -> None:
    schema = read_schema(directory)
    names = list(columns)
    entries: dict[str, Any] = {}
    for start in range(0, len(names), _COLUMNS_AT_ONCE):
        types = {name: columns[name] for name in names[start : start + _COLUMNS_AT_ONCE]}
        # Reading refuses an absent column, by name.
        batches = read_batches(directory, list(types))
        for name, kind in types.items():
            if name in schema.names and (reason := misfit(kind, schema.field(name).type)):
                raise InputError("reference_uri", name, f"a column of the model's type; {reason}", "Name its table.")
        for name, values in read_columns(batches, types, {}).items():
            entries[name] = _entry(values, folder / f"{len(entries):05d}.npy")
    rows = read_info(directory).rows
    content = {"format": _FORMAT, "table_digest": digest, "rows": rows, "columns": entries}
    (folder / _INDEX).write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def _entry(values: ColumnValues, path: Path) -> dict[str, Any]:
    if isinstance(values, CategoryColumn):
        return sketch_to_json(sketch_counts(values.counts, values.rows))
    numbers = values.values
    np.save(path, numbers, allow_pickle=False)
    return {
        "kind": "sorted",
        "file": path.name,
        "sha256": sha256_file(path),
        "rows": values.rows,
        "missing": values.missing,
        "mean": float(numbers.mean()) if len(numbers) else 0.0,
        "deviation": float(numbers.std()) if len(numbers) else 0.0,
    }


def _loader(folder: Path, entry: Mapping[str, Any]) -> Callable[[], ColumnReference]:
    if entry["kind"] != "sorted":
        sketch = sketch_from_json(entry)
        if sketch.kind != "categories":
            raise ValueError("a sketch of numbers in a cache of whole columns")
        return lambda: sketch
    path = folder / Path(entry["file"]).name
    if sha256_file(path) != entry["sha256"]:
        raise ValueError(f"{path.name} was changed")
    numbers = int(entry["rows"]), int(entry["missing"]), float(entry["mean"]), float(entry["deviation"])

    def load() -> ColumnReference:
        rows, missing, mean, deviation = numbers
        values = np.load(path, mmap_mode="r" if rows > missing else None, allow_pickle=False)
        return NumberReference(rows, missing, values, None, mean, deviation)

    return load
