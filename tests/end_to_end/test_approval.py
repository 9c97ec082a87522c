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
NAME = "asked"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver(answering("200 OK"))
    monkeypatch.setenv(settings.WEBHOOK_URL, made.url)
    monkeypatch.setenv(settings.WEBHOOK_FORMAT, "slack")
    yield made
    made.close()


def reject_when_asked(weights: list[dict[str, int]], cluster: Cluster, over: threading.Event) -> int:
    """What a human does who reads the log of the step; the weights meanwhile."""
    connection = kubernetes_connection.connect()
    while not over.wait(0.2):
        stored = release_records.read(connection, NAME, "default")
        held = stored.record.open if stored else None
        if held and approval.EVIDENCE in held.evidence:
            weights.append(cluster.weights(NAME))
            arguments = ["--service", NAME, "--version", held.to_version, "--namespace", "default"]
            return main(["approve", *arguments, "--by", "Ann <ann@example.com>", "--reject"])
    raise AssertionError("nobody was asked")


def test_a_rejected_canary_is_rolled_back_and_its_run_fails_and_tells_who_said_no(
    cluster: Cluster, release: Callable[..., RunResult], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", cluster.environment()["KUBECONFIG"])
    assert release(NAME, seed=1).succeeded
    weights: list[dict[str, int]] = []
    with cluster.traffic(NAME, rate=150, body=BODY) as traffic, ThreadPoolExecutor(1) as pool:
        over = threading.Event()
        human = pool.submit(reject_when_asked, weights, cluster, over)
        result = release(NAME, seed=2, margin=0.3, min_rows=30, approval="annotation", **JUDGED)
        over.set()
        assert result.task("approve").outputs["outcome"] == "rejected", result.error
        assert human.result() == 0
    assert weights == [{f"{NAME}-v1-predictor": 50, f"{NAME}-v2-predictor": 50}]
    assert not result.succeeded
    assert result.task("judge").outputs["outcome"] == "promote"
    assert "approve answered rejected: version 2 was rejected by Ann <ann@example.com>" in result.error
    assert result.task("roll-back").outputs["outcome"] == "rolled_back"
    assert cluster.weights(NAME) == {f"{NAME}-v1-predictor": 100}
    assert not [each for each in traffic.results if each.failed]

    first, second = (json.loads(body)["text"] for _, _, body in receiver.requests)
    assert first.startswith(f":white_check_mark: *default/{NAME}*: version 1 first release\n")
    assert second.startswith(
        f":warning: *default/{NAME}*: version 2 rolled back\n> version 2 was rejected by Ann &lt;ann@"
    )
    log = "".join(Path(task.log).read_text() for task in result.tasks)
    assert receiver.url not in log and "s3cret" not in log + result.error
