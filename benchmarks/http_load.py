"""A small HTTP/1.1 load generator: keep-alive connections, one request in flight on each.

    python benchmarks/http_load.py PORT PATH BODIES CONNECTIONS SECONDS

BODIES is a JSON file with a list of documents that are sent in turn. Prints one JSON object: requests, errors,
seconds, and the latencies' p50 and p99 in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter


@dataclass
class Tally:
    latencies: list[float] = field(default_factory=list)
    errors: int = 0


def request_bytes(port: int, path: str, document: object) -> bytes:
    body = json.dumps(document).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def read_answer(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end and return its code; every server measured here sends a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    await reader.readexactly(length)
    return int(head[9:12])


async def one_connection(port: int, requests: list[bytes], start: int, until: float, tally: Tally) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    turn = start
    try:
        while (sent := perf_counter()) < until:
            writer.write(requests[turn % len(requests)])
            code = await read_answer(reader)
            tally.latencies.append(perf_counter() - sent)
            tally.errors += code != 200
            turn += 1
    finally:
        writer.close()


def quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def load(port: int, path: str, documents: list[object], connections: int, seconds: float) -> dict[str, float]:
    requests = [request_bytes(port, path, document) for document in documents]
    tally = Tally()
    started = perf_counter()
    step = max(1, len(requests) // connections)
    await asyncio.gather(
        *(one_connection(port, requests, number * step, started + seconds, tally) for number in range(connections))
    )
    elapsed = perf_counter() - started
    ordered = sorted(tally.latencies)
    return {
        "requests": len(ordered),
        "errors": tally.errors,
        "seconds": elapsed,
        "rps": len(ordered) / elapsed,
        "p50": 1000 * quantile(ordered, 0.50),
        "p99": 1000 * quantile(ordered, 0.99),
    }


def main() -> None:
    port, path, bodies, connections, seconds = sys.argv[1:6]
    documents = json.loads(Path(bodies).read_bytes())
    print(json.dumps(asyncio.run(load(int(port), path, documents, int(connections), float(seconds)))))


if __name__ == "__main__":
    main()
