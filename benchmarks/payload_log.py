"""What the payload log holds and what it costs.

    python benchmarks/payload_log.py [--seconds 60] [--rounds 15] [--round-seconds 2] [--json FILE]

1. Full load for a minute, then SIGTERM: the rows that clients saw answered are those in the files plus those counted
   as dropped, exactly; once with the default queue, once with one of 8 rows, which overflows.
2. Full load, then kill -9: of the ids that clients saw answered, those not in the files are at most as many as the
   queue and one part hold.
3. Predictors with and without the log take turns under the same load: requests per second, p99, and CPU time of the
   server per request. One row a request, and a hundred. A second one without the log tells how noisy the machine is.

Every server is one process with our settings as they come. Needs `make env`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import pyarrow.parquet as pq
from http_load import read_answer
from served import REPOSITORY, SERVE, Server, log_of, running, servers
from serving import BODIES, document, measure

CONNECTIONS = 8
MOST_COST = 0.10
QUEUE_ROWS, PART_ROWS = 20_000, 10_000  # the predictor's defaults
_SMALL_QUEUE = 8
_LAST_LINE = re.compile(r"payload log: (\d+) rows written, (\d+) dropped, (\d+) lost")
_READ_FAULTS = (OSError, asyncio.IncompleteReadError)


def logging_to(root: Path, seconds: float) -> dict[str, str]:
    return {"KFP_LIFECYCLE_PAYLOAD_LOG_URI": str(root), "KFP_LIFECYCLE_PAYLOAD_LOG_SECONDS": str(seconds)}


def process_of(port: int) -> psutil.Process:
    """The server that listens at the port."""
    found = psutil.net_connections("tcp")
    pid = next(one.pid for one in found if one.laddr.port == port and one.status == psutil.CONN_LISTEN)
    return psutil.Process(pid)


def parts_below(root: Path) -> list[Path]:
    return [path for path in root.rglob("*.parquet") if not path.name.startswith(".")]


def rows_below(root: Path) -> int:
    return sum(pq.read_metadata(part).num_rows for part in parts_below(root))


def count_rows(server: Server, directory: Path, root: Path, seconds: float) -> dict[str, Any]:
    """Full load, SIGTERM, and the sums."""
    with running(server, directory, logging_to(root, 5)) as port:
        figures = measure(port, server.path, directory / "instances.json", CONNECTIONS, seconds)
    written, dropped, lost = map(int, _LAST_LINE.findall(log_of(server, directory).read_text())[-1])
    found = rows_below(root)
    served = int(figures["requests"] - figures["errors"])
    return {
        **{"served": served, "in_files": found, "written": written, "dropped": dropped, "lost": lost},
        **{"parts": len(parts_below(root)), "rps": figures["rps"], "p99": figures["p99"]},
        "exact": served == found + dropped + lost and found == written,
    }


async def ids_answered(port: int, path: str, body: bytes, seconds: float, pid: int) -> set[str]:
    """Full load with an id on every request, until the server is killed; the ids that were answered with 200."""
    answered: set[str] = set()

    async def one_connection(connection: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = 0
        try:
            while True:
                identifier = f"{connection}-{number}"
                head = (
                    f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                    f"x-request-id: {identifier}\r\ncontent-length: {len(body)}\r\n\r\n"
                )
                writer.write(head.encode() + body)
                if await read_answer(reader) == 200:
                    answered.add(identifier)
                number += 1
        except _READ_FAULTS:
            writer.close()

    connections = [asyncio.create_task(one_connection(number)) for number in range(CONNECTIONS)]
    ended, _ = await asyncio.wait(connections, timeout=seconds)
    if ended:
        sys.exit("the server ended before it was killed")
    os.kill(pid, signal.SIGKILL)
    await asyncio.gather(*connections)
    return answered


def kill_it(server: Server, directory: Path, root: Path, seconds: float) -> dict[str, Any]:
    """Full load, kill -9, and what is missing."""
    body = json.dumps(json.loads((directory / "instances.json").read_bytes())[0]).encode()
    with running(server, directory, logging_to(root, 5)) as port:
        answered = asyncio.run(ids_answered(port, server.path, body, seconds, process_of(port).pid))
    found: set[str] = set()
    for part in parts_below(root):
        found |= set(pq.ParquetFile(part).read(["_request_id"])["_request_id"].to_pylist())
    missing, bound = len(answered - found), QUEUE_ROWS + PART_ROWS
    return {
        "answered": len(answered),
        "in_files": len(found),
        "missing": missing,
        "bound": bound,
        "held": missing <= bound,
    }


def one_round(port: int, path: str, bodies: Path, seconds: float) -> dict[str, float]:
    process = process_of(port)
    before = process.cpu_times()
    figures = measure(port, path, bodies, CONNECTIONS, seconds)
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return {**figures, "cpu": 1000 * spent / figures["requests"]}


def compare(server: Server, directory: Path, root: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Both servers at both sizes in turn; medians, and the medians of the rounds' ratios."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {
        size: {which: [] for which in ("without", "with", "again")} for size in ("1", "100")
    }
    with ExitStack() as stack:
        plain = replace(server, name="without the log")
        ports = {"without": stack.enter_context(running(plain, directory))}
        again = replace(server, name="without the log again")
        ports["again"] = stack.enter_context(running(again, directory))
        ports["with"] = stack.enter_context(running(server, directory, logging_to(root, 5)))
        for number in range(-1, rounds):
            for which in sorted(ports, reverse=bool(number % 2)):
                for size, by_server in found.items():
                    figures = one_round(ports[which], server.path, directory / f"instances-{size}.json", seconds)
                    if number >= 0:  # The first round warms up.
                        by_server[which].append(figures)
    compared: dict[str, Any] = {}
    for size, by_server in found.items():
        compared[size] = {
            which: {name: median(one[name] for one in figures) for name in ("rps", "p50", "p99", "cpu")}
            for which, figures in by_server.items()
        }
        for which in ("with", "again"):
            pairs = list(zip(by_server[which], by_server["without"], strict=True))
            ratios = {name: median(a[name] / b[name] for a, b in pairs) for name in ("rps", "p99", "cpu")}
            compared[size][f"{which} / without"] = ratios
    return compared


def show(compared: Mapping[str, Any]) -> None:
    for size, figures in compared.items():
        print(f"\n{size} row(s) per request, {CONNECTIONS} connections")
        for which in ("without", "with"):
            one = figures[which]
            print(
                f"  {which:>7} the log: {one['rps']:7.0f} requests/s, p50 {one['p50']:6.2f} ms,"
                f" p99 {one['p99']:6.2f} ms, {one['cpu']:.3f} ms of CPU a request"
            )
        for which, told in (("with", "with / without"), ("again", "two without, which tells the noise")):
            ratio = figures[f"{which} / without"]
            print(
                f"  {told}, medians of the rounds' ratios: {ratio['rps']:.3f} of the requests/s,"
                f" {ratio['p99']:.2f} of the p99, {ratio['cpu']:.3f} of the CPU time"
            )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--round-seconds", type=float, default=2.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        subprocess.run([SERVE / "python", REPOSITORY / "benchmarks" / "mixed_model.py", directory], check=True)
        rows: list[dict[str, Any]] = json.loads((directory / "rows.json").read_bytes())
        one_row = [document("instances", [row]) for row in rows[:BODIES]]
        for name in ("instances", "instances-1"):
            (directory / f"{name}.json").write_text(json.dumps(one_row))
        (directory / "instances-100.json").write_text(json.dumps([document("instances", rows[:100])]))
        ours = servers(directory / "model")[0]
        small = replace(ours, command=(*ours.command, "--payload_log_queue_rows", str(_SMALL_QUEUE)))
        counts = {
            "default queue": count_rows(ours, directory, directory / "whole", options.seconds),
            f"queue of {_SMALL_QUEUE} rows": count_rows(small, directory, directory / "small", options.seconds / 4),
        }
        for name, one in counts.items():
            print(
                f"{name}: {one['served']} rows served at {one['rps']:.0f}/s = {one['in_files']} in {one['parts']} files"
                f" + {one['dropped']} dropped + {one['lost']} lost: {'exact' if one['exact'] else 'NOT exact'}",
                flush=True,
            )
        killed = kill_it(ours, directory, directory / "killed", options.seconds / 4)
        print(
            f"kill -9: {killed['answered']} ids answered, {killed['missing']} of them not in the files; at most"
            f" {killed['bound']} asked: {'reached' if killed['held'] else 'NOT reached'}",
            flush=True,
        )
        compared = compare(ours, directory, directory / "compared", options.rounds, options.round_seconds)
    show(compared)
    cost = 1 - compared["1"]["with / without"]["rps"]
    print(f"\nthe log costs {cost:.1%} of the throughput, under {MOST_COST:.0%} asked", end=": ")
    print("reached" if cost < MOST_COST else "NOT reached")
    if options.json:
        options.json.write_text(json.dumps({"counts": counts, "killed": killed, "compared": compared}, indent=1))
    return int(not all(one["exact"] for one in counts.values()) or not killed["held"])


if __name__ == "__main__":
    sys.exit(main())
