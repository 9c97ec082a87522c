"""Predictions off the event loop.

Each thread takes every request that waits and answers them together: the cost of a call to scikit-learn hardly
depends on whether it holds one row or eight. Nothing waits for company: a request that comes alone goes alone.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from kfp_lifecycle.serving.exchange import MODEL_FAILED, Answer, Call
from kfp_lifecycle.serving.refusal import OVERLOADED, Refusal

logger = logging.getLogger("kfp_lifecycle.serving")

_FAILED = Answer(MODEL_FAILED, b'{"error":"the server failed on this request"}')
_Waiting = tuple[Call, "asyncio.Future[Answer]"]


def _deliver(answered: Sequence[tuple[asyncio.Future[Answer], Answer]]) -> None:
    for future, answer in answered:
        if not future.done():  # The client may have gone.
            future.set_result(answer)


class PredictionThreads:
    """A bounded pool in front of which a bounded number of requests may wait.

    Args:
        answer: gives one answer per call.
        threads: how many threads predict.
        waiting: how many requests may be unanswered at a time; more are refused with 503.
        calls_at_once: how many a thread takes at a time,
        bytes_at_once: unless their bodies reach this size before: decoded, they take several times as much memory.
        prepare: called first in each thread.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Call]], list[Answer]],
        *,
        threads: int = 1,
        waiting: int = 256,
        calls_at_once: int = 64,
        bytes_at_once: int = 1 << 20,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._answer = answer
        self._prepare = prepare
        self._calls_at_once = calls_at_once
        self._bytes_at_once = bytes_at_once
        self._limit = waiting
        self._unanswered = 0
        self._queue: SimpleQueue[_Waiting] = SimpleQueue()
        for number in range(threads):
            # Daemons: the server stops once requests in flight are answered, whatever these threads do.
            threading.Thread(target=self._work, name=f"predict-{number}", daemon=True).start()

    async def submit(self, call: Call) -> Answer:
        """The answer to a call.

        Raises:
            Refusal: 503, too many requests are waiting.
        """
        if self._unanswered >= self._limit:
            raise Refusal(f"{self._unanswered} requests are waiting: try again later", OVERLOADED)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._unanswered += 1
        try:
            self._queue.put((call, future))
            return await future
        finally:
            self._unanswered -= 1

    def _take(self) -> list[_Waiting]:
        taken = [self._queue.get()]
        size = len(taken[0][0].body)
        try:
            while len(taken) < self._calls_at_once and size < self._bytes_at_once:
                taken.append(self._queue.get_nowait())
                size += len(taken[-1][0].body)
        except Empty:
            pass
        return taken

    def _work(self) -> None:
        self._prepare()
        while True:
            taken = self._take()
            try:
                answers = self._answer([call for call, _ in taken])
            except Exception:
                # A thread that ended here would leave a server that is ready and answers nobody.
                logger.exception("%d requests could not be answered", len(taken))
                answers = [_FAILED] * len(taken)
            answered = [(future, answer) for (_, future), answer in zip(taken, answers, strict=True)]
            answered[0][0].get_loop().call_soon_threadsafe(_deliver, answered)
