"""Our predictor against ``mlflow models serve`` and against a bare ``kserve.Model``.

    python benchmarks/serving.py [--rounds 7] [--seconds 3] [--json FILE]

All servers run at once, one process each, with the same model file, and take turns in every round, so that a noisy
neighbour hits all of them. Requests hold one row and come from a separate process over keep-alive connections, each
with one request in flight. Prints requests per second, p50 and p99 per server (medians over the rounds), the
ratios of the same round's figures, and how latency grows with the rows of a request. Needs `make env`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from served import REPOSITORY, SERVE, Server, running, servers

CONNECTIONS = (1, 8)
ROWS = (1, 10, 100, 1000)
BODIES = 64
OURS, UNCHECKED = "ours, checks on", "ours, checks off"
# Ratio of requests per second at eight connections that each comparison has to reach.
ASKED = (
    (OURS, "mlflow models serve", 4.0),
    (OURS, "bare kserve.Model", 0.8),
    (UNCHECKED, "bare kserve.Model", 1.0),
    # What the server itself costs, without the gain of predicting waiting requests together.
    ("ours, checks on, one request per prediction", "bare kserve.Model", 0.8),
)

Figures = dict[str, float]


def document(form: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A request of some rows in one of the servers' forms."""
    if form == "records":
        return {"dataframe_records": rows}
    if form == "instances":
        return {"instances": rows}
    datatypes = {str: "BYTES", float: "FP64", int: "FP64"}
    inputs = [
        {
            "name": name,
            "shape": [len(rows)],
            "datatype": datatypes[type(value)],
            "data": [row[name] for row in rows],
        }
        for name, value in rows[0].items()
    ]
    return {"inputs": inputs}


def write_bodies(directory: Path, rows: list[dict[str, Any]]) -> None:
    """The request files: 64 of one row each per form, and one per larger size."""
    for form in ("instances", "tensors", "records"):
        (directory / f"{form}.json").write_text(json.dumps([document(form, [row]) for row in rows[:BODIES]]))
    for count in ROWS:
        (directory / f"instances-{count}.json").write_text(json.dumps([document("instances", rows[:count])]))


def measure(port: int, path: str, bodies: Path, connections: int, seconds: float) -> Figures:
    """One round against one server, by the load generator in a process of its own."""
    words = [str(port), path, str(bodies), str(connections), str(seconds)]
    load = REPOSITORY / "benchmarks" / "http_load.py"
    done = subprocess.run([sys.executable, str(load), *words], stdout=subprocess.PIPE, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def show(title: str, found: dict[str, list[Figures]]) -> None:
    print(f"\n{title}\n{'server':48}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'errors':>8}")
    for name, rounds in found.items():
        values = [median(one[key] for one in rounds) for key in ("rps", "p50", "p99")]
        errors = int(sum(one["errors"] for one in rounds))
        print(f"{name:48}{values[0]:12.1f}{values[1]:10.2f}{values[2]:10.2f}{errors:8d}")


def compare(found: dict[str, list[Figures]]) -> list[dict[str, Any]]:
    """Median over the rounds of the ratio of two servers' figures in the same round."""
    compared = []
    for first, second, asked in ASKED:
        pairs = list(zip(found[first], found[second], strict=True))
        rps = median(ours["rps"] / theirs["rps"] for ours, theirs in pairs)
        p99 = median(ours["p99"] / theirs["p99"] for ours, theirs in pairs)
        compared.append({"first": first, "second": second, "asked": asked, "rps": rps, "p99": p99})
    return compared


def take_turns(
    all_servers: list[Server], ports: list[int], directory: Path, rounds: int, seconds: float
) -> dict[int, dict[str, list[Figures]]]:
    """Every server at every number of connections, round by round, each round starting with another server."""
    found: dict[int, dict[str, list[Figures]]] = {count: defaultdict(list) for count in CONNECTIONS}
    order = list(zip(all_servers, ports, strict=True))
    for server, port in order:
        measure(port, server.path, directory / f"{server.body}.json", 8, 1.0)
    for number in range(rounds):
        start = number % len(order)
        for server, port in order[start:] + order[:start]:
            for count in CONNECTIONS:
                bodies = directory / f"{server.body}.json"
                found[count][server.name].append(measure(port, server.path, bodies, count, seconds))
        print(f"round {number + 1} of {rounds} done", flush=True)
    return {count: {server.name: by_name[server.name] for server in all_servers} for count, by_name in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        directory = Path(temporary)
        subprocess.run([SERVE / "python", REPOSITORY / "benchmarks" / "mixed_model.py", directory], check=True)
        rows: list[dict[str, Any]] = json.loads((directory / "rows.json").read_bytes())
        write_bodies(directory, rows)
        all_servers = servers(directory / "model")
        ports = []
        for server in all_servers:
            ports.append(stack.enter_context(running(server, directory)))
            print(f"{server.name}: started", flush=True)
        found = take_turns(all_servers, ports, directory, options.rounds, options.seconds)
        growth = {
            count: measure(ports[0], all_servers[0].path, directory / f"instances-{count}.json", 1, options.seconds)
            for count in ROWS
        }
    for count, by_name in found.items():
        show(f"{count} connection(s), one row per request, medians of {options.rounds} rounds", by_name)
    compared = compare(found[8])
    print("\n8 connections, medians of the rounds' ratios")
    for one in compared:
        verdict = "reached" if one["rps"] >= one["asked"] else "NOT reached"
        print(
            f"{one['first']} / {one['second']}: {one['rps']:.2f} times the requests/s"
            f" (asked {one['asked']}: {verdict}), {one['p99']:.2f} times the p99"
        )
    print(f"\n{OURS}, 1 connection, by rows per request")
    for count, figures in growth.items():
        print(f"{count:5d} rows: p50 {figures['p50']:8.2f} ms, p99 {figures['p99']:8.2f} ms")
    if options.json:
        options.json.write_text(json.dumps({"connections": found, "compared": compared, "rows": growth}, indent=1))
    return int(any(one["errors"] for by_name in found.values() for rounds in by_name.values() for one in rounds))


if __name__ == "__main__":
    sys.exit(main())
