from typing import List, NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def collect(
    uri: str,
    table: dsl.Output[dsl.Dataset],
    columns: List[str] = [],
    time_column: str = "",
    window: str = "",
    as_of: str = "",
    max_rows: int = 0,
    format: str = "auto",
) -> NamedTuple("Outputs", [("rows", int), ("digest", str), ("as_of", str)]):  # type: ignore[valid-type]
    """Read one table from files and keep it as Parquet with a digest.

    Args:
        uri: A file, a folder or a glob on disk, s3, gs or https; Parquet, CSV or JSON lines.
        columns: The columns to read; empty reads all.
        time_column: The column of event time (UTC) that the window applies to.
        window: Half-open: 'start/end' in ISO 8601, or 'P70D' for the 70 days before as_of; empty takes all rows.
        as_of: The moment the run stands for; empty means now, resolved once here and passed on.
        max_rows: Stop after this many rows; 0 has no limit.
        format: parquet, csv, jsonl, or auto to go by the name.

    Returns:
        table: The rows as Parquet files, with schema.json beside them.
        rows: How many rows were kept.
        digest: sha256 over the ordered files' bytes.
        as_of: The resolved moment, ISO 8601 in UTC.
    """
    from kfp_lifecycle.components.collection.collection import collect as run

    return run(
        uri=uri,
        table=table,
        columns=columns,
        time_column=time_column,
        window=window,
        as_of=as_of,
        max_rows=max_rows,
        format=format,
    )
