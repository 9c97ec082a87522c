"""A step that is killed at any of its writes, or whose answer is lost, leaves one run or none, and the next finds it.

Against the local KFP API and the local Kubernetes API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from tests.components.retraining.conftest import WINDOW, Monitor, runs

from kfp_lifecycle.adapters import clock, kubernetes_connection
from kfp_lifecycle.adapters.retrain_books import RetrainBook
from kfp_lifecycle.core import reservation
from kfp_lifecycle.core.reservation import State
from kfp_lifecycle.core.retrain_inputs import read_cause
from kfp_lifecycle.local import kubeconfig
from kfp_lifecycle.local.testing import Cluster
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes

LEASE = 30  # seconds, which no test waits for


class WritesOfOneStart(Writes):
    """Counts the reservation, the run and its record; an experiment that has to be made first does not count."""

    def count(self, line: str, body: bytes) -> bool:
        return "/experiments" not in line and super().count(line, body)


class LostAnswers(WritesOfOneStart):
    """Cuts the connection where another one would kill."""

    def kill(self) -> None:
        pass


@contextmanager
def proxied(cluster: Cluster, writes: Writes, folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a step whose writes are counted."""
    with WriteProxy(cluster.kubernetes_url, writes) as kubernetes, WriteProxy(cluster.kfp_url, writes) as kfp:
        config = yaml.safe_load(cluster.kubeconfig_steps.read_text("utf-8"))
        config["clusters"][0]["cluster"] = {"server": kubernetes.url}
        path = folder / "proxied"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        yield {"KUBECONFIG": str(path), "KF_PIPELINES_ENDPOINT": kfp.url}


def end_the_lease(cluster: Cluster, model: str) -> None:
    """Back-date the lease of a dead holder, if it left one."""
    cause = read_cause(model=model, window=WINDOW)
    connection = kubernetes_connection.connect(str(cluster.kubeconfig_steps))
    book = RetrainBook(connection, kubeconfig.NAMESPACE, cause)
    found = book.read(cause.key)
    if found and found.reservation.state is State.RESERVED:
        book.write(found, reservation.given_up(found.reservation, clock.now()))


@pytest.mark.parametrize(
    ("kill_at", "before", "left", "then"),
    [
        (1, True, 0, "start"),  # nothing is reserved yet
        (1, False, 0, "start"),  # reserved, and no run
        (2, True, 0, "start"),  # the same, seen from the other side
        (2, False, 1, "start"),  # the run is there, and nobody knows of it
        (3, True, 1, "start"),
        (3, False, 1, "already_running"),  # recorded
    ],
)
def test_a_step_killed_at_a_write_is_made_up_for_by_the_next_one(
    cluster: Cluster,
    monitors: Callable[..., Monitor],
    tmp_path: Path,
    kill_at: int,
    before: bool,
    left: int,
    then: str,
) -> None:
    writes, model = WritesOfOneStart(kill_at, before), f"killed-{kill_at}-{before}"
    after = monitors(model_name=model, lease=LEASE)
    with proxied(cluster, writes, tmp_path) as environment:
        doomed = monitors(environment, model_name=model, lease=LEASE)
        writes.victim = doomed.process.pid
        doomed.wait_until_ready()
        after.wait_until_ready()
        doomed.go()
        assert doomed.process.wait(120) == -9
    assert len(runs(cluster, model)) == left
    end_the_lease(cluster, model)
    after.go()
    answer = after.answer()
    [run] = runs(cluster, model)
    assert answer == {"outcome": then, "run_id": run.run_id}


@pytest.mark.parametrize(("write", "arrives"), [(1, True), (2, True), (2, False), (3, True)])
def test_a_write_whose_answer_is_lost_starts_no_second_run(
    cluster: Cluster, monitors: Callable[..., Monitor], tmp_path: Path, write: int, arrives: bool
) -> None:
    writes, model = LostAnswers(write, before=not arrives), f"lost-{write}-{arrives}"
    with proxied(cluster, writes, tmp_path) as environment:
        monitor = monitors(environment, model_name=model, lease=LEASE)
        after = monitors(environment, model_name=model, lease=LEASE)
        for each in (monitor, after):
            each.wait_until_ready()
        monitor.go()
        monitor.process.wait(120)
        end_the_lease(cluster, model)
        after.go()
        answer = after.answer()
    [run] = runs(cluster, model)
    assert answer["run_id"] == run.run_id
    if monitor.process.returncode == 0:
        assert monitor.answer() == {"outcome": "start", "run_id": run.run_id}
        assert answer["outcome"] == "already_running"
    else:
        # The request to start the run was lost, and nothing tells it from one that is late: the step fails, and the
        # next try waits for the lease to end.
        assert (write, arrives, answer["outcome"]) == (2, False, "start")
