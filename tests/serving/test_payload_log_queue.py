"""The bounded queue: whatever happens to it, offered = logged + dropped, and its bounds hold."""

from __future__ import annotations

import json
import threading
import tracemalloc

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kfp_lifecycle.serving.payload_log_queue import Entry, PayloadQueue, memory_of
from kfp_lifecycle.serving.protocol_v1 import read_v1
from kfp_lifecycle.serving.request_marks import NO_MARKS, RequestMarks, new_id
from kfp_lifecycle.serving.rows import Rows


def entry(rows: int, size: int = 1) -> Entry:
    return Entry([NO_MARKS], [rows], Rows(rows, [[0.0] * rows]), 200, None, True, size)


class Queue(RuleBasedStateMachine):
    """Entries come and portions go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = PayloadQueue(rows=10, size=100, part_rows=4, part_size=50)
        self.waiting: list[Entry] = []
        self.offered = self.dropped = self.taken = 0
        self.closed = False

    @rule(rows=st.integers(1, 12), size=st.integers(1, 120))
    def offer(self, rows: int, size: int) -> None:
        one = entry(rows, size)
        rows_waiting = sum(each.rows.count for each in self.waiting)
        size_waiting = sum(each.size for each in self.waiting)
        fits = not self.closed and rows_waiting + rows <= 10 and size_waiting + size <= 100
        assert self.queue.offer(one) == fits
        self.offered += rows
        if fits:
            self.waiting.append(one)
        else:
            self.dropped += rows

    @rule()
    def take(self) -> None:
        portion = self.queue.take()
        expected, self.waiting = self.waiting[: len(portion)], self.waiting[len(portion) :]
        assert portion == expected
        assert bool(portion) == bool(expected)
        assert len(portion) <= 1 or sum(each.rows.count for each in portion) <= 4
        assert len(portion) <= 1 or sum(each.size for each in portion) <= 50
        assert portion or not self.waiting
        self.taken += sum(each.rows.count for each in portion)

    @rule()
    def close(self) -> None:
        self.queue.close()
        self.closed = True

    @invariant()
    def every_row_is_counted_once(self) -> None:
        counts = self.queue.counts()
        assert counts.logged + counts.dropped == self.offered
        assert counts.dropped == self.dropped
        assert counts.logged == self.taken + counts.waiting
        assert counts.waiting <= 10

    @invariant()
    def it_is_due_when_a_portion_is_full(self) -> None:
        rows = sum(each.rows.count for each in self.waiting)
        size = sum(each.size for each in self.waiting)
        assert self.queue.due == (self.closed or rows >= 4 or size >= 50)


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=100, deadline=None)


def test_threads_that_offer_and_take_at_once_lose_no_row() -> None:
    queue = PayloadQueue(rows=50, size=1 << 20, part_rows=10, part_size=1 << 20)
    accepted: list[int] = []

    def offer() -> None:
        accepted.append(sum(queue.offer(entry(1)) for _ in range(5000)))

    threads = [threading.Thread(target=offer) for _ in range(4)]
    for thread in threads:
        thread.start()
    taken = 0
    while any(thread.is_alive() for thread in threads):
        taken += len(queue.take())
    for thread in threads:
        thread.join()
    while portion := queue.take():
        taken += len(portion)
    counts = queue.counts()
    assert (counts.logged, counts.waiting) == (taken, 0)
    assert (counts.logged, counts.logged + counts.dropped) == (sum(accepted), 20_000)


def test_a_wait_ends_when_a_portion_is_full_or_the_queue_closes() -> None:
    queue = PayloadQueue(rows=50, size=1 << 20, part_rows=10, part_size=1 << 20)
    queue.offer(entry(9))
    queue.wait(0.01)
    assert not queue.due
    queue.offer(entry(1))
    queue.wait(60)
    queue.take()
    queue.close()
    queue.wait(60)
    assert not queue.offer(entry(1))


@pytest.mark.parametrize(("requests", "rows", "columns"), [(2000, 1, 10), (20, 100, 10), (300, 1, 100)])
def test_the_memory_of_waiting_rows_is_not_underestimated(requests: int, rows: int, columns: int) -> None:
    body = json.dumps({"instances": [[300.5 + place for place in range(columns)]] * rows}).encode()
    names = [f"c{place}" for place in range(columns)]
    tracemalloc.start()
    try:
        waiting = []
        for number in range(requests):
            found = read_v1(json.loads(body), names)
            size = memory_of(found, len(body))
            waiting.append(Entry([RequestMarks(new_id(), "", float(number))], [rows], found, 200, None, True, size))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used <= sum(one.size for one in waiting) <= 3 * used
