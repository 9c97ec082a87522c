"""Logs of request and answer bodies as rows: one a prediction, in a Parquet file on this machine's disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.components.collection.csv_files import merge_types
from kfp_lifecycle.components.collection.logs.answers import Answered, read_answer
from kfp_lifecycle.components.collection.logs.event_files import Count
from kfp_lifecycle.components.collection.logs.pairing import Pair, Pairing
from kfp_lifecycle.components.collection.logs.requests import Asked, read_request
from kfp_lifecycle.components.collection.logs.values import Malformed, NoPrediction, fitted, parse_json, type_of
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import (
    ARRIVAL_TIME,
    EVENT_TIME,
    LOG_COLUMNS,
    MODEL_VERSION,
    PREDICTION,
    REQUEST_ID,
    REVISION,
    ROW,
    SCORE,
    STATUS,
    log_types,
)

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_COLUMNS = 10_000
# Cells of a batch, which are held as Python's objects.
_BATCH_CELLS = 1 << 19
_OK = 200


@dataclass(frozen=True)
class Exchange:
    """What one request and its answer say."""

    pair: Pair
    asked: Asked | None
    answered: Answered | None

    @property
    def rows(self) -> int:
        return self.asked.rows if self.asked else self.answered.rows  # type: ignore[union-attr]

    @property
    def values(self) -> Iterator[tuple[str, list[Any]]]:
        """Features and predictions by column."""
        yield from self.asked.columns.items() if self.asked else ()
        yield from self.answered.columns.items() if self.answered else ()


@dataclass
class Kinds:
    """The types of the columns that were found so far.

    Attributes:
        answered: of the features of requests that have an answer.
        asked: of those of the others.
        predicted: of the predictions.
    """

    answered: dict[str, pa.DataType] = field(default_factory=dict)
    asked: dict[str, pa.DataType] = field(default_factory=dict)
    predicted: dict[str, pa.DataType] = field(default_factory=dict)

    def add(self, exchange: Exchange) -> None:
        """Note the values of an exchange.

        Raises:
            InputError: there are too many columns.
        """
        _note(self.answered if exchange.answered else self.asked, exchange.asked.columns if exchange.asked else {})
        _note(self.predicted, exchange.answered.columns if exchange.answered else {})

    def schema(self) -> pa.Schema:
        """Features, then the log's own columns; what no model took may be of any type, so it decides last."""
        import pyarrow as pa

        own = log_types(classes=not pa.types.is_float64(self.predicted.get(PREDICTION, pa.null())))
        scores = sorted((name for name in self.predicted if _is_score(name)), key=lambda name: (len(name), name))
        features = self.answered or self.asked
        return pa.schema(list({**features, **own, **dict.fromkeys(scores, pa.float64())}.items()))


def _note(known: dict[str, pa.DataType], columns: Mapping[str, list[Any]]) -> None:
    for name, values in columns.items():
        kind = type_of(values)
        if known.get(name) is not kind:
            known[name] = merge_types(known[name], kind) if name in known else kind
    if len(known) > _MOST_COLUMNS:
        expected = f"at most {_MOST_COLUMNS} features"
        raise InputError("uri", f"{len(known)} columns", expected, "Leave the requests of other services out.")


def convert(pairing: Pairing, path: Path, names: Sequence[str], count: Count) -> int:
    """Write the rows of all pairs to ``path``; what cannot be understood is counted in ``count``.

    Each body is read twice, first for the types of the columns. Those follow the requests that were answered; one
    without an answer is left out where it does not fit them, since the model may have refused it for that.

    Returns:
        How many requests have no answer.
    """
    import pyarrow.parquet as pq

    kinds, unanswered = Kinds(), 0
    for exchange in _exchanges(pairing, names, count):
        kinds.add(exchange)
        unanswered += exchange.answered is None
    schema = kinds.schema()
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(_exchanges(pairing, names, Count()), schema, count):
            writer.write_batch(batch)
    return unanswered


def _exchanges(pairing: Pairing, names: Sequence[str], count: Count) -> Iterator[Exchange]:
    for pair in pairing.pairs():
        try:
            yield read_exchange(pair, names)
        except NoPrediction:
            count.others += 1
        except Malformed as error:
            count.add_malformed(f"request {_identity(pair)!r}", error)


def read_exchange(pair: Pair, names: Sequence[str]) -> Exchange:
    """The rows of a request and of its answer.

    Raises:
        NoPrediction: a request of something else, such as the model's metadata.
        Malformed: bodies that cannot be understood, or that differ in their number of rows.
        InputError: as ``read_request``.
    """
    asked = answered = None
    if pair.request:
        if not pair.request.body.strip():
            raise NoPrediction("a request without a body")
        asked = read_request(parse_json(pair.request.body), names)
        for name in asked.columns:
            if name in LOG_COLUMNS or _is_score(name):
                raise Malformed(f"a feature by the name {name!r}, which is a column of the log")
    if pair.answer:
        answered = read_answer(parse_json(pair.answer.body))
        if asked and asked.rows != answered.rows:
            raise Malformed(f"{answered.rows} predictions for {asked.rows} rows")
    return Exchange(pair, asked, answered)


def _batches(exchanges: Iterator[Exchange], schema: pa.Schema, count: Count) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    kinds = dict(zip(schema.names, schema.types, strict=True))
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for exchange in exchanges:
        try:
            rows = _rows(exchange, kinds)
        except Malformed as error:
            count.add_malformed(f"request {_identity(exchange.pair)!r}", error)
            continue
        for name, column in columns.items():
            column += rows.get(name) or [None] * exchange.rows
        if len(columns[REQUEST_ID]) * len(columns) >= _BATCH_CELLS:
            yield pa.record_batch(list(columns.values()), schema)
            columns = {name: [] for name in schema.names}
    yield pa.record_batch(list(columns.values()), schema)


def _rows(exchange: Exchange, kinds: Mapping[str, pa.DataType]) -> Mapping[str, list[Any]]:
    pair, count = exchange.pair, exchange.rows
    event = pair.request or pair.answer
    assert event
    found = {}
    for name, values in exchange.values:
        if name not in kinds:
            raise Malformed(f"a column {name[:80]!r} that no answered request has")
        found[name] = fitted(name, values, kinds[name])
    if PREDICTION in found and str(kinds[PREDICTION]) == "double":
        # A regression's whole numbers may come without a point.
        scores = zip(found[PREDICTION], found[SCORE], strict=True)
        found[SCORE] = [value if score is None else score for value, score in scores]
    # As the predictor chooses, so that a row bears one id whichever log it is read from.
    own = exchange.asked.id if exchange.asked else None
    return {
        **found,
        REQUEST_ID: [own or event.request_id or event.id] * count,
        ROW: list(range(count)),
        EVENT_TIME: [event.event_time or event.time] * count,
        ARRIVAL_TIME: [event.time] * count,
        REVISION: [event.revision] * count,
        MODEL_VERSION: [exchange.answered.model_version if exchange.answered else None] * count,
        STATUS: [_OK if exchange.answered else None] * count,
    }


def _is_score(name: str) -> bool:
    return name.startswith(f"{SCORE}_") and name.removeprefix(f"{SCORE}_").isdecimal()


def _identity(pair: Pair) -> str:
    event = pair.request or pair.answer
    return event.id[:80] if event else ""
