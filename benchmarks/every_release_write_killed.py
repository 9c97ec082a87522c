"""Kill a release's run at every write it makes, let its record expire, sweep twice, and look at what users get.

The run deploys a canary, judges it once a second, and promotes it or rolls it back; it has no exit handler, and its
whole process tree is killed with SIGKILL. MLflow and the Kubernetes API stand behind proxies, and users send requests
all the time. For each write of an undisturbed run a new service gets a run that is killed before the write is
forwarded, and one that is killed when its answer has come back. The judge's write to the record repeats once a check:
it is killed at the first three of them and at the one with its verdict. Then the open release's ``expires_at`` is set
into the past, as if the time had gone by, and sweep is called twice.

What must be left: the champion's spec serves, with its version in each answer; no canary stands and no release is
open; record, annotation and MLflow alias name the same champion; and no request ever failed but those that a failing
canary answered. Prints a line for each; exits 1 if one of them is wrong.

    python benchmarks/every_release_write_killed.py [--mode Standard] [--path promote] [--from N] [--to N]
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfp import compiler
from release_only import release_only
from released import MODES, Service, call, disturbed_state, running_cluster

from kfp_lifecycle.components.deployment.deployment import deploy
from kfp_lifecycle.components.sweeping.sweeping import Unswept, sweep
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.traffic import Result
from kfp_lifecycle.local.write_proxy import Writes

PATHS = ("promote", "roll_back")
RATE = 100.0
CHECKS_KILLED = 3
JUDGE = {"canary_percent": 20, "weights": [20, 50], "min_requests": 50, "error_margin": 0.05}
_RUN = """
import json, sys
from kfp_lifecycle.local.runner import run_pipeline
pipeline, state, parameters = sys.argv[1:]
say = lambda event: print(json.dumps(event, default=str), flush=True)
sys.exit(0 if run_pipeline(pipeline, json.loads(parameters), state=state, progress=say).succeeded else 1)
"""


@dataclass
class RunWrites(Writes):
    """The writes of a run by step and purpose, as the number of the judge's checks is never the same.

    Attributes:
        kill_named: dies at the write of this name.
        step: the step under way, as the run told.
        named: each write so far.
    """

    kill_named: str = ""
    step: str = ""
    named: list[str] = field(default_factory=list)

    def count(self, line: str, body: bytes) -> bool:
        with self.lock:
            self.seen.append(line)
            name = self._name(line, body)
            self.named.append(name)
            return name == self.kill_named

    def _name(self, line: str, body: bytes) -> str:
        if self.step != "judge":
            number = sum(each.startswith(f"{self.step} ") for each in self.named) + 1
            return f"{self.step} {number}: {_object(line)}"
        if "inferenceservices" in line:
            return f"judge: weight {sum('weight' in each for each in self.named) + 1}"
        kept = json.loads(json.loads(body)["data"]["record.json"])["releases"][-1]["evidence"].get("judge")
        if not kept:
            return "judge: takes the release over"
        checks = kept["state"]["records"]
        return "judge: verdict" if checks[-1][5] in PATHS else f"judge: check {len(checks)}"


def _object(line: str) -> str:
    method, path = line.split(" ", 1)
    known = ("configmaps", "inferenceservices", "alias")
    return f"{method} {next((each for each in known if each in path), path.rpartition('/')[2])}"


@dataclass(frozen=True)
class Trial:
    """One run that was killed, or not."""

    code: int
    named: tuple[str, ...]
    failed: tuple[Result, ...]
    requests: int
    wrong: tuple[str, ...]


def trial(cluster: Cluster, folder: Path, service: Service, path: str, writes: RunWrites) -> Trial:
    """A champion, then the run of a second version, killed or not, and what sweeping makes of it."""
    wrong = []
    outcome, reasons = call(
        deploy, service=service.name, model_name=service.name, namespace="default", deployment_mode=service.mode,
        timeout_seconds=120, **service.register(),
    )  # fmt: skip
    if outcome != "first_release":
        return Trial(0, (), (), 0, (f"no champion: {outcome}: {reasons}",))
    candidate = {**service.register(), **JUDGE, "service": service.name, "deployment_mode": service.mode}
    with cluster.traffic(service.name, rate=RATE, threads=8) as traffic:
        with disturbed_state(cluster, folder / service.name, writes) as state:
            code = run(folder / "release.yaml", state, candidate, writes, service, path)
        ended = time.monotonic()
        expired = service.expire()
        swept = [_swept(), _swept()]
        traffic.wait_for(len(traffic.results) + 50)
    wrong += [f"sweep {number}: {said}" for number, (_, said) in enumerate(swept, 1) if said]
    if expired and swept[0][0] != "restored":
        wrong.append(f"a release was open, and the first sweep said {swept[0][0]}")
    if swept[1][0] != "nothing_to_do":
        wrong.append(f"the second sweep said {swept[1][0]}")
    wrong += problems(service, code == 0, path)
    failed = tuple(each for each in traffic.results if each.failed)
    if strange := [each for each in failed if path == "promote" or each.revision != service.revision(2)]:
        first = strange[0]
        counts = Counter((each.revision or "gateway", each.status or each.error) for each in strange)
        when = f"the first {first.at - ended:+.2f} s from the run's end, after {first.seconds:.2f} s"
        wrong.append(f"{len(strange)} requests failed: {dict(counts)}, {when}")
    return Trial(code, tuple(writes.named), failed, len(traffic.results), tuple(wrong))


def run(pipeline: Path, state: Path, parameters: dict[str, Any], writes: RunWrites, service: Service, path: str) -> int:
    """The pipeline in a process of its own; its exit code, -9 when killed. A bad canary turns bad with its judge."""
    words = [sys.executable, "-c", _RUN, str(pipeline), str(state), json.dumps(parameters)]
    with (state / "run.log").open("w") as log, (state / "errors.log").open("w") as errors:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True)
        writes.victim = process.pid

        def follow() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                event = json.loads(line)
                if event["event"] == "started":
                    writes.step = event["task"]
                    if event["task"] == "judge" and path == "roll_back":
                        service.behave("2", fail_share=0.5)

        reader = threading.Thread(target=follow)
        reader.start()
        code = process.wait()
        reader.join()
    return code


def _swept() -> tuple[str, str]:
    """The outcome, and what could not be swept."""
    try:
        return call(sweep, namespace="default")[0], ""
    except Unswept as error:
        return "unswept", str(error)


def problems(service: Service, finished: bool, path: str) -> list[str]:
    """What is not as it must be."""
    found, champion = service.problems(), service.champion()
    if finished and champion != {"promote": "2", "roll_back": "1"}[path]:
        found.append(f"the run ended and left champion {champion}")
    if path == "roll_back" and champion == "2":
        found.append("the failing version is champion")
    return found


def points(named: tuple[str, ...]) -> list[str]:
    """The writes to die at."""
    checks = [each for each in named if each.startswith("judge: check")]
    return [each for each in named if each not in checks[CHECKS_KILLED:]]


def trials(cluster: Cluster, folder: Path, mode: str, path: str, first: int, last: int) -> int:
    """The undisturbed run and all its deaths; how many went wrong."""
    short = f"{mode[0]}{path[0]}".lower()
    service = Service(cluster, mode, f"{short}-undisturbed")
    made = trial(cluster, folder, service, path, RunWrites())
    wrong = [*made.wrong, *([f"exit code {made.code}"] if made.code else [])]
    chosen = points(made.named)
    print(f"{mode} {path}: undisturbed, {len(made.named)} writes, to be killed at {len(chosen)}: {_told(wrong, made)}")
    service.delete()
    failures = int(bool(wrong))
    for number in range(first, (last or len(chosen)) + 1):
        for before in (True, False):
            began = time.monotonic()
            service = Service(cluster, mode, f"{short}-{number}-{'before' if before else 'after'}")
            writes = RunWrites(before=before, kill_named=chosen[number - 1])
            made = trial(cluster, folder, service, path, writes)
            reached = () if made.code == -signal.SIGKILL else (f"the run ended with {made.code}, not killed",)
            failures += bool(made.wrong + reached)
            print(
                f"{number:3} {'before' if before else 'after ':6} {chosen[number - 1]:<36}"
                f" champion {service.champion()}; {_told([*made.wrong, *reached], made)}"
                f"  {time.monotonic() - began:.0f} s",
                flush=True,
            )
            service.delete()
    return failures


def _told(wrong: list[str], made: Trial) -> str:
    failed = f"{len(made.failed)} of {made.requests} requests failed"
    return f"{failed}; {'WRONG: ' + '; '.join(wrong) if wrong else 'as it must be'}"


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--mode", choices=MODES, help="default: both")
    words.add_argument("--path", choices=PATHS, help="default: both")
    words.add_argument("--from", dest="first", type=int, default=1)
    words.add_argument("--to", dest="last", type=int, default=0, help="0: the last write")
    options = words.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory(prefix="every-release-write-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        compiler.Compiler().compile(release_only, str(folder / "release.yaml"))
        with running_cluster(folder / "cluster") as cluster:
            for mode in [options.mode] if options.mode else MODES:
                for path in [options.path] if options.path else PATHS:
                    failures += trials(cluster, folder, mode, path, options.first, options.last)
    print(f"{failures} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
