"""The main job on real flights, on this machine: a first model, a second that a judge promotes, a third it takes back.

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

import service
import summary
import traffic
import weeks
from baseline import auc, auc_gain, late_rates

from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.state import StateFolder

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "flights"
FIRST, SECOND, THIRD = (0, 9), (0, 12), (0, 14)
# In summer this carrier flies to islands that no winter flight went to.
SUMMER, CARRIER = 26, "B6"
PARAMETERS = {"max_iter": 60, "learning_rate": 0.1}
# A judge in a hurry: checks every few seconds under a busy load. On a cluster the defaults are a check a minute, two
# hours at most.
QUICK = {"check_seconds": 3, "checks_per_weight": 2, "deadline_seconds": 180, "slo_milliseconds": 100}
WEIGHTS = (10, 25, 50)
# Standard deviations by which an observed share may stray.
STRAY = 4


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
        self.measured: dict[str, Any] = {}

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

        say(f"4. Train on weeks {SECOND[0]} to {SECOND[1]}, gate, register, release behind a canary")
        say(f"   The judge checks every {QUICK['check_seconds']} s under a busy load, to keep this short;")
        say("   by default it checks every minute, for two hours at most")
        self.release_to_a_judge("v2", SECOND, rows, week=SECOND[1] + 1)
        self.expect("2", "promoted")
        self.check_the_shares()

        say("5. A third model, broken on purpose: slow, and failing on airports that it has not seen")
        hasty = {"estimator": "hasty:forest", "parameters": "{}", "margin": "0.05", "calibration_window": ""}
        code = str(Path(__file__).parent / "hasty.py")
        flown = rows[rows["carrier"] == CARRIER]
        self.release_to_a_judge("v3", THIRD, flown, week=SUMMER, code=code, on_refusal="succeed", **hasty)
        self.expect("2", "rolled_back")
        summary.write(self.folder / "report.html", self.measured)

    def command(self, *words: str) -> None:
        """Run the project's own command line, as a user would."""
        say(f"   $ kfp-lifecycle {shlex.join(words)}")
        subprocess.run([Path(sys.executable).parent / "kfp-lifecycle", *words], check=True)

    def run_words(self, name: str, span: tuple[int, int], code: str = "", **changes: str) -> list[str]:
        """The command that runs the pipeline on these weeks."""
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
            "canary_percent": str(WEIGHTS[0]),
            "weights": json.dumps(WEIGHTS),
            "namespace": "default",
            **{key: str(value) for key, value in QUICK.items()},
            **changes,
        }
        words = ["run", near(self.folder / "compiled" / "pipelines" / "train_and_release.yaml")]
        words += ["--state", near(self.state), "--pipeline-root", near(self.folder / "runs" / name)]
        words += ["--code", near(Path(code))] if code else []
        for key, value in parameters.items():
            words += ["--param", f"{key}={value}"]
        return words

    def release(self, name: str, span: tuple[int, int]) -> None:
        start = time.monotonic()
        self.command(*self.run_words(name, span))
        self.measured[f"{name}_seconds"] = time.monotonic() - start

    def release_to_a_judge(
        self, name: str, span: tuple[int, int], rows: Any, *, week: int, code: str = "", **changes: str
    ) -> None:
        """Run the pipeline, and send the flights of a week, over and over, from the time its canary stands."""
        start = time.monotonic()
        words = self.run_words(name, span, code, **changes)
        say(f"   $ kfp-lifecycle {shlex.join(words)}")
        requests = self.requests(rows, week)[1]
        with subprocess.Popen([Path(sys.executable).parent / "kfp-lifecycle", *words]) as run:
            service.wait_for_canary(self.cluster, SERVICE, name.removeprefix("v"), run)
            say(f"   (sending the flights of week {week} as requests, one flight each, over and over)")
            host = self.cluster.host(SERVICE)
            with traffic.Stream(self.cluster.gateway_url, host, SERVICE, requests) as stream:
                code_of_exit = run.wait()
        if code_of_exit:
            raise SystemExit(f"the run of {name} ended with exit code {code_of_exit}")
        arms = traffic.per_arm(stream.answers)
        self.measured[f"{name}_arms"] = arms
        self.measured[f"{name}_seconds"] = time.monotonic() - start
        say(summary.arms_as_text(arms))
        # The candidate's own failures are what the judge is for; nobody else's may be among them.
        strangers = [arm for arm in arms if arm["errors"] and f"-{name}-" not in arm["revision"]]
        if strangers:
            raise SystemExit(f"requests failed that the candidate did not answer: {strangers}")

    def expect(self, champion: str, state: str) -> None:
        """The champion that the service and its record must name by now."""
        live, release = service.live(self.cluster, SERVICE), service.newest_release(self.cluster, SERVICE)
        if (live.champion_version, live.canaries, str(release.state)) != (champion, (), state):
            raise SystemExit(f"expected champion {champion} and {state}, found {live.spec} and {release}")
        say(f"   version {release.to_version} was {state.replace('_', ' ')}: version {champion} has all traffic")

    def check_the_shares(self) -> None:
        """What the judge counted at each weight must be what was asked, but for chance."""
        shares = service.shares(service.newest_release(self.cluster, SERVICE))
        self.measured["shares"] = shares
        for share in shares:
            say(f"   canary at {share.asked} %: observed {share.observed:.1f} % of {share.requests:,} requests")
            deviation = 100 * (share.asked / 100 * (1 - share.asked / 100) / share.requests) ** 0.5
            if abs(share.observed - share.asked) > STRAY * deviation:
                raise SystemExit(f"a share of {share.asked} % was asked, and {share.observed:.1f} % observed")

    def requests(self, rows: Any, week: int) -> tuple[Any, list[dict[str, Any]]]:
        """The flights of a week, and the same as rows of requests."""
        number = (rows["scheduled_departure"] - weeks.START).dt.days // 7
        asked = rows[number == week].reset_index(drop=True)
        return asked, asked[weeks.FEATURES].to_dict("records")

    def ask(self, rows: Any, week: int) -> tuple[Any, list[traffic.Answer]]:
        """Send the flights of a week to the service, and return them with the answers."""
        asked, requests = self.requests(rows, week)
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
        self.measured["v1_arms"] = traffic.per_arm(answers)
        say(f"   AUC of v1 {auc(late, score):.3f}, of the carrier x hour table {auc(late, base):.3f}")
        say(f"   gain {gain:.3f}, lower 95 % bound {lower:.3f}")
        if lower <= 0:
            raise SystemExit("v1 is not shown to be better than the carrier x hour table")


if __name__ == "__main__":
    sys.exit(main())
