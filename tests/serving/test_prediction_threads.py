from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import pytest

from kfp_lifecycle.serving.exchange import Answer, Call, Protocol
from kfp_lifecycle.serving.prediction_threads import PredictionThreads
from kfp_lifecycle.serving.refusal import Refusal

T = TypeVar("T")
CALL = Call(Protocol.V1, b"{}")


async def within_seconds(scenario: Awaitable[T]) -> T:
    async with asyncio.timeout(60):
        return await scenario


class Gate:
    """An answering function that waits for its gate to open, and remembers how many calls came together."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.together: list[int] = []

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        self.together.append(len(calls))
        self.entered.set()
        assert self.open.wait(30)
        return [Answer(200, call.body) for call in calls]


def test_the_loop_goes_on_while_a_thread_predicts_and_what_waited_is_taken_together() -> None:
    gate = Gate()
    threads = PredictionThreads(gate.answer, calls_at_once=3)

    async def scenario() -> list[bytes]:
        first = asyncio.create_task(threads.submit(Call(Protocol.V1, b"0")))
        while not gate.entered.is_set():
            await asyncio.sleep(0)  # Only a free loop gets here.
        others = [asyncio.create_task(threads.submit(Call(Protocol.V1, str(n).encode()))) for n in range(1, 5)]
        await asyncio.sleep(0)
        gate.open.set()
        return [answer.body for answer in await asyncio.gather(first, *others)]

    assert asyncio.run(within_seconds(scenario())) == [b"0", b"1", b"2", b"3", b"4"]
    assert gate.together == [1, 3, 1]


def test_large_bodies_are_not_taken_together() -> None:
    gate = Gate()
    threads = PredictionThreads(gate.answer, bytes_at_once=10)

    async def scenario() -> None:
        sizes = (1, 9, 1, 20, 3, 3)
        tasks = [asyncio.create_task(threads.submit(Call(Protocol.V1, b"x" * size))) for size in sizes]
        while not gate.entered.is_set():
            await asyncio.sleep(0)
        gate.open.set()
        await asyncio.gather(*tasks)

    asyncio.run(within_seconds(scenario()))
    # Wherever the thread began, no call went along with bodies of ten bytes or more before it.
    assert sum(gate.together) == 6
    assert max(gate.together) <= 2


def test_more_requests_than_may_wait_are_refused_with_503_and_room_comes_back() -> None:
    gate = Gate()
    threads = PredictionThreads(gate.answer, waiting=2)

    async def scenario() -> None:
        waiting = [asyncio.create_task(threads.submit(CALL)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await threads.submit(CALL)
        assert refused.value.status == 503
        gate.open.set()
        await asyncio.gather(*waiting)
        assert (await threads.submit(CALL)).status == 200

    asyncio.run(within_seconds(scenario()))


def test_a_client_that_goes_away_leaves_its_place_and_harms_nobody() -> None:
    gate = Gate()
    threads = PredictionThreads(gate.answer, waiting=2)

    async def scenario() -> None:
        gone, stays = (asyncio.create_task(threads.submit(CALL)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        gate.open.set()
        assert (await stays).status == 200
        assert (await threads.submit(CALL)).status == 200

    asyncio.run(within_seconds(scenario()))


def test_a_fault_in_the_server_is_an_answer_and_leaves_the_thread_alive() -> None:
    faults = iter([MemoryError("too large"), None])

    def answer(calls: Sequence[Call]) -> list[Answer]:
        if fault := next(faults):
            raise fault
        return [Answer(200, b"") for _ in calls]

    threads = PredictionThreads(answer)

    async def scenario() -> list[int]:
        return [(await threads.submit(CALL)).status for _ in range(2)]

    assert asyncio.run(within_seconds(scenario())) == [500, 200]
