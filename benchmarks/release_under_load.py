"""Releases and their reversals under constant load: which requests fail, and how long does each phase take?

Stand-in model servers on the local cluster, each step called in this process, in both modes:

* a good release: deployed, walked up three weights by the judge, promoted, and undone by a reverse release;
* the same, where the version that comes back takes a minute to start;
* the same, where it does not start at all: the promoted version must serve on (outcome not_restored);
* a canary that begins to fail while it is judged: rolled back.

No request may fail but those that the failing canary itself answered, as the header x-kfp-lifecycle-revision tells.
Prints seconds, requests and failures of each phase; exits 1 if a request failed that must not, or a step ended
otherwise.

    python benchmarks/release_under_load.py [--mode Standard] [--rate 100] [--start-seconds 60]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from released import MODES, Service, call, running_cluster

from kfp_lifecycle.components.deployment.deployment import deploy
from kfp_lifecycle.components.judgement.judgement import judge
from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.traffic import Result, Traffic

THREADS = 16
SECONDS = 300
JUDGE = {"weights": [10, 25, 50], "check_seconds": 2, "checks_per_weight": 2, "min_requests": 100}
# Read by the stand-in at its start, where it is no number and ends the server.
NO_START = "never"


@dataclass
class Run:
    """A service under load, and its phases."""

    service: Service
    traffic: Traffic
    spans: list[tuple[str, float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def phase(self, name: str, wanted: str, step: Callable[..., tuple[str]], **arguments: Any) -> None:
        """Call a step while requests are sent; its outcome must be ``wanted``."""
        began = time.monotonic()
        outcome, reasons = call(step, service=self.service.name, namespace="default", **arguments)
        self.spans.append((f"{name}: {outcome}", began, time.monotonic()))
        if outcome != wanted:
            self.wrong.append(f"{name} ended with {outcome}, not {wanted}: {'; '.join(reasons)}")

    def settle(self, name: str) -> None:
        """Until the service stands still, and a second more."""
        began = time.monotonic()
        self.wrong += [f"after {name}: {each}" for each in self.service.problems()]
        self.traffic.wait_for(len(self.traffic.results) + 100)
        self.spans.append((f"after {name}", began, time.monotonic()))


def released(run: Run, *, failing: bool) -> None:
    """A second version as canary, judged, and promoted or rolled back."""
    name = run.service.name
    new = run.service.register()
    common = {"model_name": name, "deployment_mode": run.service.mode, "timeout_seconds": SECONDS}
    run.phase("deploy", "canary", deploy, canary_percent=10, **common, **new)
    if failing:
        run.service.behave("2", fail_share=0.3)
    run.phase("judge", "roll_back" if failing else "promote", judge, version="2", deadline_seconds=SECONDS, **JUDGE)
    if failing:
        run.phase("roll back", "rolled_back", roll_back, version="2", timeout_seconds=SECONDS)
        run.settle("the roll back")
    else:
        run.phase("promote", "promoted", promote, model_name=name, version="2", timeout_seconds=SECONDS)
        run.settle("the promotion")


def undone(run: Run, wanted: str, seconds: int) -> None:
    """The promotion taken back by a reverse release."""
    run.phase("reverse release", wanted, roll_back, undo_promotion=True, timeout_seconds=seconds)
    run.settle("the reversal")
    champion = run.service.champion()
    if champion != ("1" if wanted == "rolled_back" else "2"):
        run.wrong.append(f"version {champion} is champion after {wanted}")


def good(run: Run, start_seconds: float) -> None:
    released(run, failing=False)
    undone(run, "rolled_back", SECONDS)


def slow_start(run: Run, start_seconds: float) -> None:
    released(run, failing=False)
    run.service.behave("1", start_seconds=start_seconds)
    undone(run, "rolled_back", SECONDS)


def no_start(run: Run, start_seconds: float) -> None:
    released(run, failing=False)
    run.service.behave("1", start_seconds=NO_START)
    undone(run, "not_restored", SECONDS)


def failing_canary(run: Run, start_seconds: float) -> None:
    released(run, failing=True)


SCENES: Sequence[tuple[str, Callable[[Run, float], None], bool]] = (
    ("a good release and its reversal", good, False),
    ("the version before starts slowly", slow_start, False),
    ("the version before does not start", no_start, False),
    ("a failing canary", failing_canary, True),
)


def measured(cluster: Cluster, mode: str, number: int, rate: float, start_seconds: float) -> int:
    """One scene, printed; how much of it went wrong."""
    title, scene, may_fail = SCENES[number]
    service = Service(cluster, mode, f"load-{mode.lower()}-{number}")
    common = {"model_name": service.name, "deployment_mode": mode, "timeout_seconds": SECONDS}
    call(deploy, service=service.name, namespace="default", **common, **service.register())
    cluster.wait_ready(service.name)
    with cluster.traffic(service.name, rate=rate, threads=THREADS) as traffic:
        traffic.wait_for(100)
        run = Run(service, traffic)
        scene(run, start_seconds)
    results = traffic.results
    failed = [each for each in results if each.failed]
    # A status of its own: a gateway that finds no server answers 503 under the revision's name.
    own = [each for each in failed if may_fail and (each.revision, each.status) == (service.revision(2), 500)]
    if len(failed) > len(own):
        strange = [each for each in failed if each not in own]
        told = (
            f"{each.revision or 'gateway'} {each.status or each.error} after {each.seconds:.2f} s" for each in strange
        )
        run.wrong.append(f"{len(strange)} requests failed that must not: {'; '.join(sorted(told)[:5])}")
    print(f"{mode}, {title}: {_told(results)}")
    for name, began, ended in run.spans:
        print(f"  {name:<32} {ended - began:6.1f} s  {_told([each for each in results if began <= each.at < ended])}")
    print(*(f"  WRONG: {each}" for each in run.wrong) if run.wrong else ["  as it must be"], sep="\n", flush=True)
    service.delete()
    return len(run.wrong)


def _told(results: list[Result]) -> str:
    failed = [each for each in results if each.failed]
    by_revision = dict(Counter(f"{each.revision or 'gateway'} {each.status or each.error}" for each in failed))
    slowest = 1000 * max((each.seconds for each in results), default=0.0)
    return f"{len(results):5} requests, {len(failed):3} failed {by_revision or ''}, slowest {slowest:.0f} ms"


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--mode", choices=MODES, help="default: both")
    words.add_argument("--rate", type=float, default=100.0, help="requests a second")
    words.add_argument("--start-seconds", type=float, default=60.0, help="of the version that starts slowly")
    words.add_argument("--scene", type=int, choices=range(len(SCENES)), help="default: all")
    options = words.parse_args()
    failures = 0
    with (
        tempfile.TemporaryDirectory(prefix="release-under-load-", ignore_cleanup_errors=True) as folder,
        running_cluster(Path(folder) / "cluster") as cluster,
    ):
        for mode in [options.mode] if options.mode else MODES:
            for number in range(len(SCENES)) if options.scene is None else [options.scene]:
                failures += measured(cluster, mode, number, options.rate, options.start_seconds)
    print(f"{failures} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
