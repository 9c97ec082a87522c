"""The writer beside stores that fail, hang or are slow: rows are written or counted, and nobody waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from kfp_lifecycle.serving.payload_log import PayloadLog
from kfp_lifecycle.serving.payload_log_parts import Part
from kfp_lifecycle.serving.payload_log_queue import Entry, PayloadQueue
from kfp_lifecycle.serving.payload_log_store import payload_log_store
from kfp_lifecycle.serving.payload_log_writer import PayloadWriter
from kfp_lifecycle.serving.request_marks import NO_MARKS
from kfp_lifecycle.serving.rows import Rows


def encode(entries: Sequence[Entry]) -> list[Part]:
    return [Part("date=2026-01-01/hour=00", sum(entry.rows.count for entry in entries), b"rows")]


def offer(log: PayloadLog, rows: int = 1) -> None:
    log.offer([NO_MARKS], [rows], Rows(rows, [[0.0] * rows]), 200, None, fit=True, body_bytes=0)


@contextmanager
def logging_to(store: Callable[[str, bytes], object], *, rows: int = 100, seconds: float = 60) -> Iterator[PayloadLog]:
    queue = PayloadQueue(rows=rows, size=1 << 20, part_rows=10, part_size=1 << 20)
    log = PayloadLog(queue, PayloadWriter(queue, encode, store, name="w", seconds=seconds))
    try:
        yield log
    finally:
        log.close(60)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_part_is_written_when_it_is_full_and_the_rest_at_the_end() -> None:
    written: dict[str, bytes] = {}
    with logging_to(written.__setitem__) as log:
        for _ in range(10):
            offer(log)
        until(lambda: log.counts()["written"] == 10)
        offer(log)
    assert list(written) == [f"date=2026-01-01/hour=00/w-{number:06d}.parquet" for number in (1, 2)]
    assert log.counts() == {"logged": 11, "dropped": 0, "waiting": 0, "written": 11, "failed": 0, "ignored": 0}


def test_a_part_is_written_when_its_time_is_over() -> None:
    with logging_to(lambda name, content: None, seconds=0.05) as log:
        offer(log)
        until(lambda: log.counts()["written"] == 1)


def test_a_store_that_fails_costs_counted_rows_and_one_line_each_way(caplog: pytest.LogCaptureFixture) -> None:
    down = threading.Event()
    down.set()

    def store(name: str, content: bytes) -> None:
        if down.is_set():
            raise ConnectionError("no route to the store")

    with caplog.at_level(logging.INFO), logging_to(store) as log:
        for part in range(3):
            offer(log, 10)
            until(lambda part=part: log.counts()["failed"] == 10 * (part + 1))
        down.clear()
        offer(log, 10)
        until(lambda: log.counts()["written"] == 10)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "INFO"]
    assert "no route to the store" in caplog.text
    assert "30 rows were lost so far" in caplog.text
    assert "10 rows written, 0 dropped, 30 lost" in caplog.text


def test_a_slow_store_fills_the_queue_and_the_rest_is_dropped_at_once(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()
    began = threading.Event()

    def store(name: str, content: bytes) -> None:
        began.set()
        go_on.wait(60)

    with logging_to(store) as log:
        offer(log, 10)
        assert began.wait(60)
        for _ in range(500):  # None of these waits: the store does not answer before all are offered.
            offer(log)
        counts = log.counts()
        assert (counts["logged"], counts["dropped"], counts["waiting"]) == (110, 400, 100)
        # Told while the store is still silent, and once for all of them.
        assert caplog.text.count("rows find no room in the queue and are dropped") == 1
        go_on.set()
        until(lambda: log.counts()["written"] == 110)
    assert "the queue was full, and 400 rows were dropped so far" in caplog.text


def test_a_store_that_hangs_does_not_keep_the_server_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()
    with caplog.at_level(logging.INFO), logging_to(lambda name, content: go_on.wait(60)) as log:
        offer(log, 10)
        offer(log, 5)
        log.close(0.1)
        assert "not everything was written within 0.1 s" in caplog.text
        assert "0 rows written, 0 dropped, 15 lost" in caplog.text
        offer(log)
        assert log.counts()["dropped"] == 1
        assert "no room" not in caplog.text
        go_on.set()


def test_a_part_that_cannot_be_encoded_is_counted_and_the_next_is_written() -> None:
    broken = threading.Event()
    broken.set()

    def once(entries: Sequence[Entry]) -> list[Part]:
        if broken.is_set():
            broken.clear()
            raise RuntimeError("odd rows")
        return encode(entries)

    queue = PayloadQueue(rows=100, size=1 << 20, part_rows=10, part_size=1 << 20)
    log = PayloadLog(queue, PayloadWriter(queue, once, lambda name, content: None, name="w", seconds=60))
    offer(log, 10)
    until(lambda: log.counts()["failed"] == 10)
    offer(log, 10)
    log.close(60)
    assert log.counts()["written"] == 10


def test_a_part_appears_whole_in_a_folder_and_a_second_try_of_it_changes_nothing(tmp_path: Path) -> None:
    put = payload_log_store(str(tmp_path), "flights")
    assert put("date=2026-01-01/hour=00/w-000001.parquet", b"rows")
    assert not put("date=2026-01-01/hour=00/w-000001.parquet", b"rows")
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [Path("flights/date=2026-01-01/hour=00/w-000001.parquet")]


def test_a_failure_that_passes_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def create(uri: str, content: bytes, parameter: str) -> bool:
        tries.append(uri)
        if len(tries) < 3:
            raise OSError(5, "Input/output error")
        return True

    monkeypatch.setattr("kfp_lifecycle.serving.payload_log_store.create", create)
    assert payload_log_store(str(tmp_path), "flights")("a.parquet", b"rows")
    assert len(tries) == 3
    tries.clear()
    monkeypatch.setattr("kfp_lifecycle.serving.payload_log_store._ATTEMPTS", 2)
    with pytest.raises(OSError, match="Input/output"):
        payload_log_store(str(tmp_path), "flights")("a.parquet", b"rows")


def test_a_part_goes_to_s3_under_the_services_prefix(s3: str) -> None:
    import boto3

    put = payload_log_store(f"{s3}/logs", "flights")
    assert put("date=2026-01-01/hour=00/w-000001.parquet", b"rows")
    assert not put("date=2026-01-01/hour=00/w-000001.parquet", b"rows")
    listed = boto3.client("s3").list_objects_v2(Bucket=s3.removeprefix("s3://"))["Contents"]
    assert [item["Key"] for item in listed] == ["logs/flights/date=2026-01-01/hour=00/w-000001.parquet"]
