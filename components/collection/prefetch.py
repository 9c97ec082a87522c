"""Small files of a bucket, fetched ahead: their reader waits for the store once in many files, not once a file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.components.collection.sources import Source

THREADS = 16
# So many files of so many bytes are held at most; a larger one is left to its reader.
AHEAD = 32
SMALL = 1 << 20


def fetched_ahead(sources: Sequence[Source]) -> Iterator[tuple[Source, bytes | None]]:
    """Each source in order, with its content where it lies in a bucket and is small.

    Raises:
        InputError: a file cannot be read; when its turn comes.
    """
    if not sources or not sources[0].is_remote:
        yield from ((source, None) for source in sources)
        return
    waiting = iter(sources)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="collect") as pool:
        coming: deque[tuple[Source, Future[bytes | None]]] = deque(
            (source, pool.submit(_content, source)) for source in islice(waiting, AHEAD)
        )
        try:
            while coming:
                source, content = coming.popleft()
                yield source, content.result()
                coming.extend((each, pool.submit(_content, each)) for each in islice(waiting, 1))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _content(source: Source) -> bytes | None:
    with object_store.open_input(source.uri, "uri") as stream:
        content = stream.read(SMALL + 1)
    return content if len(content) <= SMALL else None
