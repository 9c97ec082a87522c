"""All runs of one delivery: started one after the other, whatever becomes of the ones before."""

from __future__ import annotations

import time
from collections.abc import Sequence

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import HTTPException

from kfp_lifecycle.adapters.single_runs import Started
from kfp_lifecycle.triggers import starting
from kfp_lifecycle.triggers.deliveries import Wanted
from kfp_lifecycle.triggers.starting import Backends, Held

AT_ONCE = 40  # starts; threads of their own, so that nothing else waits for a slow API
_PATIENCE = 30.0  # seconds; of a group with a failure, no start is begun later
_WORST_FIRST = (503, 502, 422)


async def start_all(apis: Backends, wanted: Sequence[Wanted], limiter: CapacityLimiter) -> list[Started | Held]:
    """What became of each, in the order of ``wanted``.

    Raises:
        HTTPException: that of the start which failed worst, after all others were started: 503 before 502 before 422.
            Once a start has failed and the group has taken 30 s, the rest is left to the next delivery, with a 503.
    """
    found: list[Started | Held] = []
    failures: list[HTTPException] = []
    give_up_at = time.monotonic() + _PATIENCE
    for each in wanted:
        if failures and time.monotonic() >= give_up_at:
            said = "not tried, as others of the same group have failed and taken long"
            failures.append(HTTPException(503, said, {"Retry-After": "10"}))
            break
        try:
            found.append(await anyio.to_thread.run_sync(starting.start, apis, each, limiter=limiter))
        except HTTPException as error:
            failures.append(error)
    if failures:
        raise _worst(failures, sum(isinstance(each, Started) for each in found), len(wanted))
    return found


def _worst(failures: Sequence[HTTPException], started: int, wanted: int) -> HTTPException:
    worst = min(failures, key=lambda error: _WORST_FIRST.index(error.status_code))
    if wanted == 1:
        return worst
    detail = f"{started} of {wanted} runs are started; of the others one could not be: {worst.detail}"
    return HTTPException(worst.status_code, detail, worst.headers)
