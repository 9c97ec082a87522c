"""A call that goes on while the test does something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def in_background(function: Callable[..., Any], *arguments: Any, **named: Any) -> Iterator[Future[Any]]:
    """The future of the call; its end is waited for."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(function, *arguments, **named)
