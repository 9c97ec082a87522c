"""Does a human's no, said by the command, end a run of the compiled pipeline with its canary off and its end told?"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.adapters.receiver import Receiver, answering
from tests.end_to_end.test_train_and_release import BODY, JUDGED

from kfp_lifecycle.adapters import kubernetes_connection, release_records
from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.core import approval, settings
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.runner import RunResult

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end"), pytest.mark.timeout(300)]


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver(answering("200 OK"))
    monkeypatch.setenv(settings.WEBHOOK_URL, made.url)
    monkeypatch.setenv(settings.WEBHOOK_FORMAT, "slack")
    yield made
    made.close()


def reject_when_asked(name: str, weights: list[dict[str, int]], cluster: Cluster, over: threading.Event) -> int:
    """What a human does who reads the log of the step; the weights meanwhile."""
    connection = kubernetes_connection.connect()
    while not over.wait(0.2):
        stored = release_records.read(connection, name, "default")
        held = stored.record.open if stored else None
        if held and approval.EVIDENCE in held.evidence:
            weights.append(cluster.weights(name))
            arguments = ["--service", name, "--version", held.to_version, "--namespace", "default"]
            return main(["approve", *arguments, "--by", "Ann <ann@example.com>", "--reject"])
    raise AssertionError("nobody was asked")


def test_a_rejected_canary_is_rolled_back_and_its_run_fails_and_tells_who_said_no(
    cluster: Cluster,
    release: Callable[..., RunResult],
    settled: str,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", cluster.environment()["KUBECONFIG"])
    weights: list[dict[str, int]] = []
    with cluster.traffic(settled, rate=150, body=BODY) as traffic, ThreadPoolExecutor(1) as pool:
        over = threading.Event()
        human = pool.submit(reject_when_asked, settled, weights, cluster, over)
        result = release(settled, seed=9, margin=0.3, min_rows=30, approval="annotation", **JUDGED)
        over.set()
        assert result.task("approve").outputs["outcome"] == "rejected", result.error
        assert human.result() == 0
    version = result.task("register").outputs["version"]
    assert weights == [{f"{settled}-v1-predictor": 50, f"{settled}-v{version}-predictor": 50}]
    assert not result.succeeded
    assert result.task("judge").outputs["outcome"] == "promote"
    assert f"approve answered rejected: version {version} was rejected by Ann <ann@example.com>" in result.error
    assert result.task("roll-back").outputs["outcome"] == "rolled_back"
    assert cluster.weights(settled) == {f"{settled}-v1-predictor": 100}
    assert not [each for each in traffic.results if each.failed]

    [(_, _, body)] = receiver.requests
    assert json.loads(body)["text"].startswith(
        f":warning: *default/{settled}*: version {version} rolled back\n"
        f"> version {version} was rejected by Ann &lt;ann@"
    )
    log = "".join(Path(task.log).read_text() for task in result.tasks)
    assert receiver.url not in log and "s3cret" not in log + result.error
