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
    feature_names: List[str] = [],
    lateness: str = "P7D",
    max_bad_share: float = 0.01,
    labels_uri: str = "",
    labels_id: List[str] = [],
    labels_time: str = "",
    label: str = "",
) -> NamedTuple("Outputs", [("rows", int), ("digest", str), ("as_of", str)]):  # type: ignore[valid-type]
    """Read one table from files, or from a log of predictions with late labels.

    Args:
        uri: A file, folder or glob on disk, s3, gs or https; Parquet, CSV or JSON lines.
        columns: The columns to keep; empty keeps all.
        time_column: The column of event time (UTC); in a log empty means _event_time.
        window: Half-open: 'start/end' in ISO 8601, or 'P70D' up to as_of; empty keeps all.
        as_of: The moment the run stands for; empty means now.
        max_rows: At most so many; 0 has no limit.
        format: parquet, csv, jsonl, auto, payload-log, kserve-blob or cloudevents.
        feature_names: In order, for a log that does not name them.
        lateness: How far arrival is from event time; empty opens the whole log.
        max_bad_share: Of a log's records.
        labels_uri: A table of labels to join.
        labels_id: Its columns of request id and row, or shared with the rows.
        labels_time: Its column of when a label was known.
        label: Its column of labels.

    Returns:
        table: The rows as Parquet files, with schema.json beside them.
        rows: Their number.
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
        feature_names=feature_names,
        lateness=lateness,
        max_bad_share=max_bad_share,
        labels_uri=labels_uri,
        labels_id=labels_id,
        labels_time=labels_time,
        label=label,
    )
