"""How many threads learn and predict."""

from __future__ import annotations

from contextlib import AbstractContextManager

# Rows that keep one thread busy for long enough to be worth meeting the others afterwards.
_ROWS_PER_THREAD = 100_000


def threads_for(rows: int) -> AbstractContextManager[object]:
    """Limit OpenMP to one thread per 100,000 rows inside the ``with`` block; never more than there were.

    scikit-learn starts a thread per core, and they wait for each other by spinning, many times a tree. Where other
    processes need a core too, the wait takes longer than the work: 60,000 rows on two shared cores were measured at
    0.5 s with one thread and 2 to 5 s with two; on idle cores both take 0.5 s.
    """
    from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

    most = max((int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "openmp"), default=1)
    limits: AbstractContextManager[object] = threadpool_limits(
        min(most, max(1, rows // _ROWS_PER_THREAD)), user_api="openmp"
    )
    return limits
