"""The main job on real flights: two models, the second behind a canary, on this machine.

Each step is a command that a user could type; it is printed before it runs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import canary
import summary
import traffic
import weeks
from baseline import auc, auc_gain, late_rates

from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.state import StateFolder

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "flights"
CANARY_PERCENT = 10
SHARE_TOLERANCE = 0.015
FIRST, SECOND = (0, 9), (0, 12)
PARAMETERS = {"max_iter": 60, "learning_rate": 0.1}


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--keep", action="store_true", help="leave the cluster up at the end")
    words.add_argument("--folder", type=Path, default=ROOT / "build" / "demo", help="where everything is written")
    options = words.parse_args()
    demo = Demo(options.folder.resolve())
    demo.clear()
    try:
        demo.run()
    finally:
        if not options.keep:
            demo.command("local", "down", "--state", str(demo.state))
    if options.keep:
        say(f"The cluster is still up; end it with: kfp-lifecycle local down --state {near(demo.state)}")
    say(f"Done in {time.monotonic() - demo.began:.0f} s. Report: {near(demo.folder / 'report.html')}")
    return 0


def say(text: str) -> None:
    print(text, flush=True)


def near(path: Path) -> str:
    """The path as a user in this folder would write it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


class Demo:
    """One demonstration: where its files are and what it has measured so far."""

    def __init__(self, folder: Path) -> None:
        self.began = time.monotonic()
        self.folder = folder
        self.state = folder / "cluster"
        self.measured: dict[str, Any] = {"canary_asked": CANARY_PERCENT / 100}

    def clear(self) -> None:
        """End a cluster that an earlier demonstration left up, and remove what it wrote."""
        if self.state.exists():
            self.command("local", "down", "--state", near(self.state))
        for name in ("cluster", "compiled", "data", "reports", "runs"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def run(self) -> None:
        say("1. Flights of 2013, one partition a week")
        rows = weeks.flights()
        weeks.write_weeks(rows, self.folder / "data")
        say(f"   {len(rows):,} flights in {near(self.folder / 'data')}")

        say("2. The local cluster, and the pipeline a cluster would get")
        self.command("local", "up", "--state", near(self.state))
        self.cluster = Cluster(StateFolder(self.state))
        say(f"   $ python compile.py --out {near(self.folder / 'compiled')}")
        compiling = [sys.executable, str(ROOT / "compile.py"), "--out", str(self.folder / "compiled")]
        subprocess.run(compiling, check=True, stdout=subprocess.DEVNULL)

        say(f"3. Train on weeks {FIRST[0]} to {FIRST[1]}, gate, register, release")
        self.release("v1", FIRST)
        self.score_the_first_model(rows)

        say(f"4. Train on weeks {SECOND[0]} to {SECOND[1]}, gate, register, release to {CANARY_PERCENT} % of traffic")
        self.release("v2", SECOND)
        self.measure_the_canary(rows)

        say("5. Take the canary off")
        canary.remove(self.cluster, SERVICE)
        summary.write(self.folder / "report.html", self.measured)

    def command(self, *words: str) -> None:
        """Run the project's own command line, as a user would."""
        say(f"   $ kfp-lifecycle {shlex.join(words)}")
        subprocess.run([Path(sys.executable).parent / "kfp-lifecycle", *words], check=True)

    def release(self, name: str, span: tuple[int, int]) -> None:
        start = time.monotonic()
        parameters = {
            "data_uri": str(self.folder / "data"),
            "label": "late",
            "model_name": SERVICE,
            "service": SERVICE,
            "time_column": "scheduled_departure",
            "window": weeks.window(*span),
            "exclude": json.dumps(["flight_id", "week"]),
            "split_method": "time",
            "split_column": "scheduled_departure",
            "holdout_fraction": "0.1",
            "parameters": json.dumps(PARAMETERS),
            "canary_percent": str(CANARY_PERCENT),
            "namespace": "default",
        }
        words = ["run", near(self.folder / "compiled" / "pipelines" / "train_and_release.yaml")]
        words += ["--state", near(self.state), "--pipeline-root", near(self.folder / "runs" / name)]
        for key, value in parameters.items():
            words += ["--param", f"{key}={value}"]
        self.command(*words)
        self.measured[f"{name}_seconds"] = time.monotonic() - start

    def ask(self, rows: Any, week: int) -> tuple[Any, list[traffic.Answer]]:
        """Send the flights of a week to the service, and return them with the answers."""
        number = (rows["scheduled_departure"] - weeks.START).dt.days // 7
        asked = rows[number == week].reset_index(drop=True)
        requests = asked[weeks.FEATURES].to_dict("records")
        say(f"   {len(requests):,} flights of week {week} as requests, one flight each ...")
        start = time.monotonic()
        answers = traffic.send(self.cluster.gateway_url, self.cluster.host(SERVICE), SERVICE, requests)
        say(f"   answered in {time.monotonic() - start:.0f} s")
        return asked, answers

    def score_the_first_model(self, rows: Any) -> None:
        asked, answers = self.ask(rows, FIRST[1] + 1)
        number = (rows["scheduled_departure"] - weeks.START).dt.days // 7
        base = late_rates(rows[number.between(*FIRST)], asked)
        late = asked["late"].to_numpy()
        score = summary.scores(answers)
        gain, lower = auc_gain(late, score, base)
        self.measured.update(
            {"auc_v1": auc(late, score), "auc_table": auc(late, base), "auc_gain": gain, "auc_gain_lower": lower}
        )
        self.measured["first_arms"] = traffic.per_arm(answers)
        say(f"   AUC of v1 {auc(late, score):.3f}, of the carrier x hour table {auc(late, base):.3f}")
        say(f"   gain {gain:.3f}, lower 95 % bound {lower:.3f}")
        if lower <= 0:
            raise SystemExit("v1 is not shown to be better than the carrier x hour table")

    def measure_the_canary(self, rows: Any) -> None:
        _, answers = self.ask(rows, SECOND[1] + 1)
        arms = traffic.per_arm(answers)
        self.measured["arms"] = arms
        champion, challenger = canary.arms(self.cluster, SERVICE)
        observed = sum(arm["share"] for arm in arms if arm["revision"] == challenger)
        self.measured.update({"canary_observed": observed, "champion": champion, "challenger": challenger})
        say(summary.arms_as_text(arms))
        say(f"   share of the canary: asked {CANARY_PERCENT} %, observed {observed:.1%}")
        failed = sum(arm["errors"] for arm in arms)
        # Of 6,500 requests the share strays by 0.4 points (one standard deviation).
        if failed or abs(observed - CANARY_PERCENT / 100) > SHARE_TOLERANCE:
            raise SystemExit(f"{failed} requests failed, and the canary's share was {observed:.1%}")


if __name__ == "__main__":
    sys.exit(main())
