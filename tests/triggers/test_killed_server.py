"""A server killed between two of its writes leaves a delivery that another server finishes with the same one run.

Against the local KFP API and the local Kubernetes API.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml
from tests.triggers.conftest import TriggerServer, runs

from kfp_lifecycle.local.testing import Cluster
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes


class WritesOfOneStart(Writes):
    """Counts the reservation, the run and its record; an experiment that has to be made first does not count."""

    def count(self, line: str, body: bytes) -> bool:
        return "/experiments" not in line and super().count(line, body)


@pytest.mark.parametrize(
    ("kill_at", "before", "what"),
    [
        (1, False, "between reservation and start"),
        (2, False, "between start and record"),
        (3, False, "after the record"),
    ],
)
def test_a_server_killed(
    cluster: Cluster,
    servers: Callable[..., TriggerServer],
    tmp_path: Path,
    kill_at: int,
    before: bool,
    what: str,
) -> None:
    writes, model = WritesOfOneStart(kill_at, before), f"killed {what}"
    with WriteProxy(cluster.kubernetes_url, writes) as kubernetes, WriteProxy(cluster.kfp_url, writes) as kfp:
        config = yaml.safe_load(cluster.kubeconfig_steps.read_text("utf-8"))
        config["clusters"][0]["cluster"] = {"server": kubernetes.url}
        proxied = tmp_path / "proxied"
        proxied.write_text(yaml.safe_dump(config), encoding="utf-8")
        doomed = servers(KUBECONFIG=str(proxied), KF_PIPELINES_ENDPOINT=kfp.url)
        writes.victim = doomed.process.pid
        with pytest.raises(httpx.TransportError):
            doomed.alert(model=model)
        assert doomed.process.wait(10) == -9
    made = {run.run_id for run in runs(cluster, model)}
    assert len(made) == (0 if kill_at == 1 else 1)
    other = servers()
    until = time.monotonic() + 60
    while (answer := other.alert(model=model)).status_code == 503 and time.monotonic() < until:
        time.sleep(0.2)
    [run] = answer.json()["runs"]
    assert [run["run_id"]] == [each.run_id for each in runs(cluster, model)]
    assert made <= {run["run_id"]}
    assert run["started"] is (kill_at < 3)
