"""Against a real local cluster whose model servers are stand-ins."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.local.status_page.site import Site

from kfp_lifecycle.adapters import release_records
from kfp_lifecycle.core import release, release_format, service_manifests
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.core.release import ReleaseRecord
from kfp_lifecycle.local.status_page import live
from kfp_lifecycle.local.testing import Cluster, ClusterFactory

STAND_IN = (sys.executable, str(Path(__file__).parents[1] / "stand_in_server.py"))


@pytest.fixture(scope="module")
def cluster(local_cluster: ClusterFactory) -> Cluster:
    return local_cluster(serve_command=STAND_IN, fresh=True)


@pytest.fixture
def browser(cluster: Cluster) -> Iterator[httpx.Client]:
    site = Site(cluster.state)
    with site.served() as url, httpx.Client(base_url=url, timeout=10) as client:
        yield client
    site.connection.close()


def _predictor(cluster: Cluster, mode: Mode, version: str) -> dict[str, Any]:
    folder = cluster.state.models / f"model-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "behaviour.json").write_text(json.dumps({}))
    return service_manifests.predictor(
        mode,
        arm_name=f"v{version}",
        version=version,
        digest="d" * 64,
        uri=folder.as_uri(),
        runtime="kfp-lifecycle-serve",
    )


def _released(cluster: Cluster, name: str, mode: Mode) -> None:
    """Version 2 as a canary with 25 % beside version 1, and the record of that."""
    stable, candidate = _predictor(cluster, mode, "1"), _predictor(cluster, mode, "2")
    first = service_manifests.stable_spec(stable)
    for spec in (first, service_manifests.canary_spec(mode, stable, candidate, 25)):
        manifest = service_manifests.manifest(
            service=name, namespace="default", mode=mode, model="churn", spec=spec, champion_version="1"
        )
        cluster.apply(manifest, manager="kfp-lifecycle")
        cluster.wait_ready(name)
    now = datetime.now(UTC)
    record = release.start(
        ReleaseRecord(name, "churn"), run_id="run-of-deploy", from_version="1", to_version="2", digest="d" * 64,
        uri="file:///x", weight=25, previous_spec=first, now=now, expires_at=now + timedelta(hours=1),
    )  # fmt: skip
    _store(cluster, name, release_format.dumps(record))


def _store(cluster: Cluster, name: str, text: str) -> None:
    metadata = {"name": release_records.name(name), "namespace": "default"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {release_records.KEY: text}}
    cluster.apply(body, force=True)


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """The process takes requests and answers none."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _rows(page: str) -> dict[str, str]:
    """The text of each row of the arms' table, by the arm's name."""
    [table] = re.findall(r'aria-label="Arms".*?</table>', page, re.S)
    rows = re.findall(r"<tr>.*?</tr>", table, re.S)[1:]
    texts = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]
    return {next(word for word in text.split() if "predictor" in word): text for text in texts}


@pytest.mark.parametrize("mode", [Mode.STANDARD, Mode.KNATIVE])
def test_a_service_with_a_canary_tells_arms_shares_and_live_counters(
    cluster: Cluster, browser: httpx.Client, mode: Mode
) -> None:
    name = f"seen-{mode.lower()}"
    _released(cluster, name, mode)
    for _ in range(40):
        assert cluster.send(name, {}).status == 200
    stable, canary = (
        (f"{name}-v1-predictor", f"{name}-v2-predictor")
        if mode is Mode.STANDARD
        else (f"{name}-predictor-00001", f"{name}-predictor-00002")
    )
    page = browser.get(f"/services/default/{name}").text
    rows = _rows(page)
    assert list(rows) == [stable, canary], "the champion comes first"
    assert rows[stable].startswith(f"champion {stable} 75 % 1 ready ")
    assert rows[canary].startswith(f"canary {canary} 25 % 2 ready ")
    # Requests and answers of 2xx, 4xx and 5xx.
    counted = [list(map(int, re.findall(r"ready (\d+) (\d+) (\d+) (\d+) ", rows[arm])[0])) for arm in (stable, canary)]
    assert [sum(each) for each in zip(*counted, strict=True)] == [40, 40, 0, 0]
    assert all(each[0] > 0 for each in counted)
    assert 'aria-label="Traffic: 75 % champion, 25 % canary"' in page
    assert mode in page and "version <bdi>1</bdi>" in page
    assert 'href="/runs/run-of-deploy"' in page and "started" in page
    listed = browser.get("/services").text
    assert f"default/{name}" in listed and "<b>25 %</b>" in listed and "2 of 2 ready" in listed
    assert f"default/{name}" in browser.get("/").text
    cluster.delete(name)
    assert browser.get(f"/services/default/{name}").status_code == 404


def test_a_record_that_is_damaged_is_told_beside_the_rest(cluster: Cluster, browser: httpx.Client) -> None:
    _released(cluster, "damaged", Mode.STANDARD)
    _store(cluster, "damaged", '{"format": 7}')
    page = browser.get("/services/default/damaged").text
    assert "record has format 7" in page
    assert _rows(page)
    cluster.delete("damaged")


def test_a_gateway_that_is_stopped_is_named_and_the_rest_is_shown(cluster: Cluster, browser: httpx.Client) -> None:
    _released(cluster, "stopped", Mode.STANDARD)
    with _stopped(cluster.pids()["gateway"]):
        page = browser.get("/services/default/stopped").text
        assert "The gateway does not answer" in page
        assert "no counters" in _rows(page)["stopped-v2-predictor"]
        assert re.search(r"<dt>Gateway</dt>\s*<dd>.*?does not answer", browser.get("/").text, re.S)
    cluster.delete("stopped")


def test_a_kubernetes_api_that_is_away_is_named_and_the_rest_is_shown(
    cluster: Cluster, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = cluster.state["kubeconfig-nowhere"]
    address = re.sub(r"https://127.0.0.1:\d+", "https://127.0.0.1:1", cluster.kubeconfig.read_text())
    nowhere.write_text(address)
    away = live.Objects(live.client(nowhere), timeout=1)
    monkeypatch.setattr(live, "objects", lambda _: away)
    for path in ("/", "/services", "/services/default/any"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "The Kubernetes API does not answer" in answer.text
    assert "Last runs" in browser.get("/").text


def test_a_kubernetes_api_that_takes_requests_and_answers_none_is_named_in_time(
    cluster: Cluster, browser: httpx.Client
) -> None:
    with _stopped(cluster.pids()["supervisor"]):
        began = time.monotonic()
        for path in ("/", "/services"):
            answer = browser.get(path)
            assert answer.status_code == 200
            assert "The Kubernetes API does not answer" in answer.text
        assert time.monotonic() - began < 60


def test_without_a_cluster_only_what_was_kept_is_shown(site: Site) -> None:
    site.run("kept")
    with site.served() as url, httpx.Client(base_url=url) as client:
        page = client.get("/").text
        assert "The local cluster does not run" in page and "kfp-lifecycle local up" in page and "kept" in page
        assert "The local cluster does not run" in client.get("/services/default/any").text
