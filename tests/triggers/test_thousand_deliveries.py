"""1,000 identical deliveries to two servers, one of them killed and started anew midway, start one run.

Against the local KFP API and the local Kubernetes API with the rights of the shipped Role, by the official client.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.triggers.conftest import SECRET, TriggerServer, alert_group, runs

from kfp_lifecycle.local.testing import Cluster

DELIVERIES = 1000


def deliver(
    client: httpx.Client, urls: list[str], number: int, group: dict[str, Any], answers: Counter[str]
) -> dict[str, Any]:
    """What a sender does: try again after 503 and after a lost connection, with the other server."""
    until = time.monotonic() + 90
    attempt = number
    while time.monotonic() < until:
        url = urls[attempt % len(urls)]
        attempt += 1
        try:
            answer = client.post(f"{url}/alertmanager", json=group)
        except httpx.TransportError as error:
            answers[type(error).__name__] += 1
            time.sleep(0.1)
            continue
        answers[str(answer.status_code)] += 1
        if answer.status_code == 202:
            [run] = answer.json()["runs"]
            return dict(run)
        assert answer.status_code == 503, answer.text
        time.sleep(0.3)
    raise TimeoutError("no 202 within 90 s")


@pytest.mark.parametrize("killed_after", [0.05, 1.0])
def test_a_thousand_deliveries_with_a_server_killed_midway_start_one_run(
    cluster: Cluster, servers: Callable[[], TriggerServer], killed_after: float
) -> None:
    first, second = servers(), servers()
    urls = [first.url, second.url]
    model = f"churn-{killed_after}"
    group, answers = alert_group(model=model), Counter[str]()

    def restart() -> None:
        first.kill()
        urls[0] = servers().url

    killer = threading.Timer(killed_after, restart)
    killer.start()
    headers = {"Authorization": f"Bearer {SECRET}"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client, ThreadPoolExecutor(32) as senders:
        found = list(senders.map(lambda number: deliver(client, urls, number, group, answers), range(DELIVERIES)))
    killer.join()
    print(json.dumps(answers))
    assert len(found) == DELIVERIES
    [run] = runs(cluster, model)
    assert {each["run_id"] for each in found} == {run.run_id}
    # The one that started it may have died with its answer.
    assert sum(each["started"] for each in found) <= 1
    assert answers["202"] == DELIVERIES


def test_what_is_refused_starts_no_run(cluster: Cluster, servers: Callable[[], TriggerServer]) -> None:
    server, before = servers(), len(cluster.kfp_client().list_runs(page_size=100).runs or [])
    large = json.dumps({**alert_group(model="refused"), "padding": "x" * 10_000_000})
    json_type = {"content-type": "application/json"}
    assert server.client.post("/alertmanager", content=large, headers=json_type).status_code == 413
    assert server.alert(alertname="Cheese", model="refused").status_code == 404
    assert server.client.post("/alertmanager", content="{", headers=json_type).status_code == 400
    wrong = {**json_type, "Authorization": "Bearer wrong"}
    assert server.client.post("/alertmanager", json=alert_group(model="refused"), headers=wrong).status_code == 401
    assert len(cluster.kfp_client().list_runs(page_size=100).runs or []) == before


def test_a_started_run_does_what_the_event_asked_for(cluster: Cluster, servers: Callable[[], TriggerServer]) -> None:
    [run] = servers().alert(model="fraud").json()["runs"]
    done = cluster.kfp_client().wait_for_run_completion(run["run_id"], timeout=90, sleep_duration=1)
    assert done.state == "SUCCEEDED"
    assert done.display_name == run["run_name"]
    assert done.runtime_config.parameters == {"model": "fraud"}
