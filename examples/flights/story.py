"""A year of one model on real flights: served, watched, retrained when its policy says so, and judged each time.

The policies stand in policies/ and say when they were fixed. What each week did to the model is real: the
flights of 2013 in their order, their labels a week late. No step knows that it is a story; each run stands for its
week by ``as_of``.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import served_week
import service
import story_page
import traffic
import weeks
from pipeline_runs import Runs
from policy import Policy, load_policy, moment

from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.state import StateFolder

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "flights"


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--keep", action="store_true", help="leave the cluster up at the end")
    words.add_argument("--policy", default="d2_log_loss", help="a file of policies/")
    words.add_argument("--weeks", type=int, default=52, help="the last week to live through")
    words.add_argument("--folder", type=Path, default=ROOT / "build" / "story", help="where everything is written")
    options = words.parse_args()
    story = Story(options.folder.resolve(), load_policy(options.policy), options.weeks)
    story.clear()
    try:
        story.run()
    finally:
        if not options.keep:
            story.command("local", "down", "--state", near(story.state))
    say(f"Done in {time.monotonic() - story.began:.0f} s. Report: {near(story.folder / 'report.html')}")
    return 0


def near(path: Path) -> str:
    """The path as a user in this folder would write it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def say(text: str) -> None:
    print(text, flush=True)


@dataclass
class Week:
    """What a week did.

    Attributes:
        late: the share of flights that were late.
        loss: log-loss of what the service answered; ``first_loss`` that of the first model on the same flights.
        outcome: the monitor's, at the week's end; ``reason`` its first sentence.
        retrain: what came of it: empty, a limit that forbade it, or how the candidate ended.
    """

    number: int
    flights: int
    late: float
    loss: float
    champion: str
    outcome: str = ""
    reason: str = ""
    retrain: str = ""
    why: str = ""
    first_loss: float = float("nan")


@dataclass
class Champion:
    """A version that was champion from the week after ``since`` on; ``model`` is the folder it is served from."""

    version: str
    since: int
    model: Path
    losses: dict[int, float] = field(default_factory=dict)


class Story:
    """One run of the story: where its files are, and what has happened so far."""

    def __init__(self, folder: Path, policy: Policy, last: int) -> None:
        self.began = time.monotonic()
        self.folder = folder
        self.policy = policy
        self.begin = policy.weeks[0]
        self.last = min(last, policy.weeks[1])
        self.state = folder / "cluster"
        self.lived: list[Week] = []
        self.champions: list[Champion] = []

    def clear(self) -> None:
        """End a cluster that an earlier story left up, and remove what it wrote."""
        if self.state.exists():
            self.command("local", "down", "--state", near(self.state))
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self) -> None:
        say("1. The policy")
        say(textwrap.fill(self.policy.about, 110, initial_indent="   ", subsequent_indent="   "))
        say(textwrap.fill(str(self.policy.monitoring()), 110, initial_indent="   ", subsequent_indent="   "))
        self.rows = weeks.flights()
        self.week_of = (self.rows["scheduled_departure"] - weeks.START).dt.days // 7
        first, last = self.policy.model["first_weeks"]
        for week in range(first, last + 1):
            self.publish(week)

        say("2. The local cluster with its KFP API; the pipelines that a cluster would get")
        self.command("local", "up", "--state", near(self.state))
        self.cluster = Cluster(StateFolder(self.state))
        compiling = [sys.executable, str(ROOT / "compile.py"), "--out", str(self.folder / "compiled")]
        subprocess.run(compiling, check=True, stdout=subprocess.DEVNULL)
        compiled = self.folder / "compiled" / "pipelines"
        files = [near(compiled / f"{name}.yaml") for name in ("train_and_release", "monitor_and_retrain")]
        self.command("upload", "--host", self.cluster.kfp_url, *files)
        self.runs = Runs(self.cluster)

        say(f"3. The first model, of weeks {first} to {last}, as of {moment(self.begin)}")
        parameters = {**self.policy.training(str(self.folder / "data"), SERVICE), "as_of": moment(self.begin)}
        run_id = self.runs.start("train-and-release", "first", parameters)
        if self.runs.wait(run_id) != "SUCCEEDED":
            raise SystemExit(f"the first training failed: {self.runs.why(run_id)}")
        self.crown(self.begin - 1)

        say(f"4. Weeks {self.begin} to {self.last}: served as requests; a week later their labels; a monitor each week")
        say("   week flights late %  log-loss  champion  monitor")
        for week in range(self.begin, self.last + 1):
            self.live(week)
        self.look_back()
        story_page.write(self.folder / "report.html", self.lived, self.champions, self.policy)

    def command(self, *words: str) -> None:
        """Run the project's own command line, as a user would."""
        say(f"   $ kfp-lifecycle {shlex.join(words)}")
        subprocess.run([Path(sys.executable).parent / "kfp-lifecycle", *words], check=True, stdout=subprocess.DEVNULL)

    @property
    def log(self) -> Path:
        """Where the predictors log what they are asked."""
        return self.cluster.state["payloads"] / SERVICE

    def flights(self, week: int) -> pd.DataFrame:
        return self.rows[self.week_of == week].reset_index(drop=True)

    def publish(self, week: int) -> None:
        """The labels of a week are there: its flights may be learnt from."""
        weeks.write_weeks(self.flights(week), self.folder / "data")

    def live(self, week: int) -> None:
        """Serve a week's flights; at its end the labels of the week before arrive, and the monitor looks."""
        flights = self.flights(week)
        host = self.cluster.host(SERVICE)
        probabilities = served_week.serve(self.cluster.gateway_url, host, SERVICE, flights, week)
        served_week.wait_until_logged(self.log, week, len(flights))
        late = flights["late"].to_numpy()
        now = Week(week, len(flights), float(late.mean()), log_loss(late, probabilities), self.champions[-1].version)
        self.lived.append(now)
        self.publish(week - 1)
        served_week.write_labels(self.flights(week - 1), week - 1, self.folder / "labels")
        self.watch(now, flights)
        more = f" -> {now.retrain}" if now.retrain else ""
        say(
            f"   {week:>4} {now.flights:>7,} {100 * now.late:>6.1f} {now.loss:>9.3f}  v{now.champion:<8} "
            f"{now.outcome}{more}: {story_page.shortened(now.why or now.reason, 110)}"
        )

    def watch(self, now: Week, flights: pd.DataFrame) -> None:
        parameters = {
            "data_uri": str(self.log),
            # All of the year arrives within minutes.
            "lateness": "",
            "labels_uri": str(self.folder / "labels"),
            "labels_id": ["_request_id", "_row"],
            "label": "late",
            "model_name": SERVICE,
            "as_of": moment(now.number + 1),
            "engine": "native",
            "pipeline": "train-and-release",
            "parameters": json.dumps(self.policy.training(str(self.folder / "data"), SERVICE)),
            "namespace": "default",
            "on_refusal": "succeed",
            **self.policy.monitoring(),
        }
        run_id = self.runs.start("monitor-and-retrain", f"week-{now.number}", parameters)
        if self.runs.wait(run_id) != "SUCCEEDED":
            raise SystemExit(f"the monitor of week {now.number} failed: {self.runs.why(run_id)}")
        found = self.runs.decision(run_id, "monitor")
        if found is None:
            raise SystemExit(f"the monitor of week {now.number} left no decision")
        now.outcome, now.reason = found.outcome, found.reasons[0]
        started = self.runs.decision(run_id, "start-retrain", "decision_out")
        if started is None:
            return
        now.retrain, now.why = started.outcome, started.reasons[0]
        if started.outcome == "start":
            self.release(now, self.runs.outputs(run_id)["start-retrain"]["run_id"], flights)

    def release(self, now: Week, run_id: str, flights: pd.DataFrame) -> None:
        """The training run that the monitor started; a canary of it is judged on the week's flights, sent again.

        They carry no time of 2013, so that they are in no window of the monitor.
        """
        requests = [dict(row) for row in flights[weeks.FEATURES].to_dict("records")]
        with traffic.Stream(self.cluster.gateway_url, self.cluster.host(SERVICE), SERVICE, requests, 2):
            state = self.runs.wait(run_id)
        outputs = self.runs.outputs(run_id)
        steps = ("promote", "judge", "deploy", "evaluate", "validate")
        last = next((step for step in steps if step in outputs), "train")
        now.retrain = f"{last}: {outputs.get(last, {}).get('outcome', state.lower())}"
        decided = self.runs.decision(run_id, last)
        now.why = decided.reasons[0] if decided else self.runs.why(run_id)
        if outputs.get("promote", {}).get("outcome") == "promoted":
            self.crown(now.number)

    def crown(self, week: int) -> None:
        """Note who is champion from the next week on."""
        live = service.live(self.cluster, SERVICE)
        if live.stable is None:
            raise SystemExit(f"{SERVICE} has no stable version")
        folder = Path(live.stable.uri.removeprefix("file://"))
        self.champions.append(Champion(live.champion_version, week, folder))

    def look_back(self) -> None:
        """What each champion would have done on the weeks from its promotion on, next to the one it replaced."""
        say("5. Looking back: each champion and the one that it replaced, on the same flights")
        for champion in self.champions:
            predict = story_page.predictor(champion.model)
            for week in self.lived:
                if week.number > champion.since:
                    flights = self.flights(week.number)
                    champion.losses[week.number] = log_loss(flights["late"].to_numpy(), predict(flights))
        for week in self.lived:
            week.first_loss = self.champions[0].losses[week.number]
        for line in story_page.comparisons(self.champions, self.last):
            say(f"   {line}")


def log_loss(late: np.ndarray, probabilities: np.ndarray) -> float:
    chosen = np.where(late == 1, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(chosen, 1e-15, 1)).mean())


if __name__ == "__main__":
    sys.exit(main())
