"""One retrain a window, by processes on the local cluster: its Kubernetes API, its KFP API, the trigger server."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import yaml
from tests.components.retraining.conftest import WINDOW, Monitor, runs
from tests.triggers.conftest import TriggerServer

from kfp_lifecycle.core.decision import load_decision
from kfp_lifecycle.local.testing import Cluster, ClusterFactory

RULES = {
    "version": 1,
    "rules": [
        {
            "name": "model-degraded",
            "kind": "cloudevents",
            "match": {"type": "com.example.model.degraded"},
            "pipeline": "training",
            "retrain": {"model_name": "{data.model}", "window": "{data.window}"},
        }
    ],
}


def degraded(url: str, model: str, window: str) -> httpx.Response:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/watch",
        "type": "com.example.model.degraded",
        "data": {"model": model, "window": window},
    }
    headers = {"content-type": "application/cloudevents+json"}
    return httpx.post(f"{url}/cloudevents", content=json.dumps(event), headers=headers, timeout=60, trust_env=False)


def test_two_monitors_and_a_webhook_for_one_window_start_one_run(
    cluster: Cluster, monitors: Callable[..., Monitor], tmp_path: Path
) -> None:
    mapping = tmp_path / "triggers.yaml"
    mapping.write_text(yaml.safe_dump(RULES), encoding="utf-8")
    given = ["--config", str(mapping), "--port", "0"]
    server = TriggerServer(cluster.environment(), given, tmp_path / "server.log")
    try:
        both = [monitors(model_name="churn", run_id=f"monitor-{number}") for number in range(2)]
        for monitor in both:
            monitor.wait_until_ready()
        with ThreadPoolExecutor(1) as pool:
            # The same window as the monitors', written in another way.
            event = pool.submit(degraded, server.url, "churn", "P7D/2026-01-08T00:00:00Z")
            for monitor in both:
                monitor.go()
            said = event.result()
        answers = [monitor.answer() for monitor in both]
        again = degraded(server.url, "churn", WINDOW)
        other = degraded(server.url, "churn", "2026-01-02/2026-01-09")
    finally:
        server.close()
    [run] = runs(cluster, "churn")
    assert said.status_code == again.status_code == 202
    [by_event] = said.json()["runs"]
    assert {by_event["run_id"], *(each["run_id"] for each in answers)} == {run.run_id}
    assert [by_event["started"], *(each["outcome"] == "start" for each in answers)].count(True) == 1
    assert again.json()["runs"][0]["started"] is False
    # The window of a day later is held by the same limits.
    assert (other.status_code, other.json()["runs"]) == (200, [])
    assert other.json()["held"][0]["outcome"] in ("already_running", "cooling_down")
    # What the training was started with, though nobody gave it.
    parameters = run.runtime_config.parameters
    assert (parameters["as_of"], parameters["environment"]) == ("2026-01-08T00:00:00Z", "prod")


def test_of_four_windows_at_once_one_is_trained_for(
    cluster: Cluster, monitors: Callable[..., Monitor], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    all_at_once = [
        monitors(
            model_name="fraud",
            window=f"P7D/2026-01-{day:02d}",
            as_of="2026-02-01",
            cooldown="P0D",
            parameters=json.dumps({"gate": str(gate)}),
        )
        for day in (8, 9, 10, 11)
    ]
    for monitor in all_at_once:
        monitor.wait_until_ready()
    for monitor in all_at_once:
        monitor.go()
    answers = [monitor.answer() for monitor in all_at_once]
    gate.touch()
    [run] = runs(cluster, "fraud")
    assert sorted(each["outcome"] for each in answers) == ["already_running"] * 3 + ["start"]
    assert {each["run_id"] for each in answers} == {run.run_id, ""}
    # Once it has ended the next window may start one.
    cluster.kfp_client().wait_for_run_completion(run.run_id, timeout=120, sleep_duration=1)
    late = monitors(model_name="fraud", window="P7D/2026-01-12", as_of="2026-02-01", cooldown="P0D")
    late.wait_until_ready()
    late.go()
    assert late.answer()["outcome"] == "start"
    assert len(runs(cluster, "fraud")) == 2


def test_a_kfp_that_wants_tokens_and_a_namespace_gets_them(
    local_cluster: ClusterFactory, training_package: Path, monitors: Callable[..., Monitor]
) -> None:
    cluster = local_cluster(kfp=True, kfp_tokens=True)
    cluster.kfp_client().upload_pipeline(str(training_package), pipeline_name="training", namespace="default")
    monitor = monitors(cluster.environment(), model_name="churn")
    monitor.wait_until_ready()
    monitor.go()
    answer = monitor.answer()
    assert answer["outcome"] == "start"
    assert cluster.kfp_client().get_run(answer["run_id"]).runtime_config.parameters["model_name"] == "churn"


def test_the_step_keeps_its_decision_and_a_page(cluster: Cluster, monitors: Callable[..., Monitor]) -> None:
    made = []
    for window, rows in ((WINDOW, 10), (WINDOW, 1000), ("P7D/2026-01-09", 1000)):
        monitor = monitors(model_name="page", window=window, min_new_labels=100, labelled_rows=rows)
        monitor.wait_until_ready()
        monitor.go()
        made.append((monitor.answer(), load_decision(monitor.folder / "decision.json"), monitor.folder / "report.html"))
    assert [answer["outcome"] for answer, _, _ in made] == [
        "not_enough_new_labels", "start", made[2][1].outcome,
    ]  # fmt: skip
    [run] = runs(cluster, "page")
    page = made[2][2].read_text()
    assert run.run_id in page
    assert "2026-01-01 to 2026-01-08" in page
    assert "<script" not in page
    assert made[1][1].numbers["new_labels"] == 1000
