"""The bounded queue: whatever happens to it, offered = logged + dropped, and its bounds hold."""

from __future__ import annotations

import json
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kfp_lifecycle.serving.payload_log_queue import Entry, PayloadQueue, memory_of, requests_of
from kfp_lifecycle.serving.predictions import Predictions
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
        self.closed = self.woken = False

    def room(self, one: Entry) -> bool:
        rows = sum(each.rows.count for each in self.waiting)
        size = sum(each.size for each in self.waiting)
        return not self.closed and rows + one.rows.count <= 10 and size + one.size <= 100

    @rule(rows=st.integers(1, 12), size=st.integers(1, 120))
    def offer(self, rows: int, size: int) -> None:
        one = entry(rows, size)
        fits = self.room(one)
        assert self.queue.offer(one) == fits
        self.offered += rows
        if fits:
            self.waiting.append(one)
        else:
            self.dropped += rows
            self.woken |= bool(self.waiting)

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
        self.woken = False

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
    def it_is_due_when_a_portion_is_full_or_an_entry_found_no_room(self) -> None:
        rows = sum(each.rows.count for each in self.waiting)
        size = sum(each.size for each in self.waiting)
        assert self.queue.due == (self.closed or self.woken or rows >= 4 or size >= 50)


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


def test_an_entry_without_room_wakes_the_writer_for_what_waits() -> None:
    queue = PayloadQueue(rows=10, size=1000, part_rows=10, part_size=1000)
    queue.offer(entry(11))
    assert not queue.due  # Nothing waits that could make room.
    queue.offer(entry(6))
    queue.offer(entry(6))
    assert queue.due
    assert len(queue.take()) == 1
    assert queue.offer(entry(6))


def test_of_requests_that_find_no_room_together_those_that_fit_are_taken() -> None:
    queue = PayloadQueue(rows=6, size=1 << 20, part_rows=6, part_size=1 << 20)
    marks = [RequestMarks(name, "", 0.0) for name in "abcd"]
    answers = Predictions(9, np.arange(9), np.arange(18.0).reshape(9, 2), [0, 1])
    group = Entry(marks, [2, 4, 2, 1], Rows(9, [list("abcdefghi")]), 200, answers, True, 9)
    assert queue.offer(entry(1))
    assert not queue.offer(group)
    _, first, second, third = [*queue.take(), *queue.take()]
    assert [one.marks for one in (first, second, third)] == [marks[:1], marks[2:3], marks[3:]]
    assert [one.rows.columns for one in (first, second, third)] == [[["a", "b"]], [["g", "h"]], [["i"]]]
    assert second.predictions is not None
    assert second.predictions.labels is not None
    assert second.predictions.probabilities is not None
    assert (second.predictions.count, second.predictions.labels.tolist()) == (2, [6, 7])
    assert second.predictions.probabilities.tolist() == [[12.0, 13.0], [14.0, 15.0]]
    counts = queue.counts()
    assert (counts.logged, counts.dropped, counts.waiting) == (6, 4, 0)


def test_the_requests_of_an_entry_take_no_less_memory_than_it() -> None:
    group = Entry([NO_MARKS] * 3, [2, 0, 1], Rows(3, [[1, 2, 3]]), 422, None, False, 1000)
    assert [one.counts for one in requests_of(group)] == [[2], [0], [1]]
    assert sum(one.size for one in requests_of(group)) >= group.size


class _Watched:
    """Rows that remember whether the queue was locked when they were counted."""

    columns = ()

    def __init__(self, queue: PayloadQueue) -> None:
        self.queue = queue
        self.locked: list[bool] = []

    @property
    def count(self) -> int:
        self.locked.append(self.queue._lock.locked())
        return 1


def test_those_who_offer_do_not_wait_until_a_large_portion_is_counted() -> None:
    queue = PayloadQueue(rows=1000, size=1 << 20, part_rows=1000, part_size=1 << 20)
    watched = _Watched(queue)
    for _ in range(1000):
        queue.offer(Entry([NO_MARKS], [1], watched, 200, None, True, 1))  # type: ignore[arg-type]
    watched.locked.clear()
    assert len(queue.take()) == 1000
    assert len(watched.locked) >= 1000
    assert not any(watched.locked)


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


def test_the_answers_count_as_memory_and_so_do_scores_that_are_still_to_be_computed() -> None:
    rows = Rows(1000, [[0.5] * 1000])
    bare = memory_of(rows, 0)
    classes = list(range(300))
    labels, probabilities = np.zeros(1000, dtype=np.int64), np.zeros((1000, 300))
    whole = memory_of(rows, 0, Predictions(1000, labels, probabilities, classes))
    assert whole == bare + labels.nbytes + probabilities.nbytes
    assert memory_of(rows, 0, Predictions(1000, labels, None, classes)) == whole
    assert memory_of(rows, 0, Predictions(1000, labels, None, None)) == bare + labels.nbytes
