"""One run a key, whatever is lost, refused, late or dead."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.conftest import write_kubeconfig
from tests.adapters.stand_in_kfp import StandInKfp

from kfp_lifecycle.adapters import (
    clock,
    kfp_connection,
    kfp_requests,
    kubernetes_connection,
    kubernetes_objects,
    reservations,
    single_runs,
)
from kfp_lifecycle.adapters.kfp_errors import KfpError, KfpInvalid
from kfp_lifecycle.adapters.kfp_runs import RunRequest
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.adapters.single_runs import How, Started, Starter, StartPending
from kfp_lifecycle.core import reservation
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.reservation import RETENTION, State
from kfp_lifecycle.local.kubernetes_api import Server
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes

LEASE = timedelta(seconds=30)
CALLER = """
import sys
from datetime import timedelta
from kfp_lifecycle.adapters import kfp_connection, kfp_requests, kubernetes_connection, single_runs
kfp = kfp_connection.connect(sys.argv[1])
starter = single_runs.Starter(kubernetes_connection.connect(), kfp, "team", timedelta(seconds=float(sys.argv[2])), 0.2)
print("ready", flush=True)
sys.stdin.readline()
request = lambda: kfp_requests.of_pipeline(kfp, "retrain", {})
try:
    found = single_runs.start(starter, "alert", "retrain", request)
    print(found.run_id, found.how, flush=True)
except single_runs.StartPending:
    print("pending", flush=True)
"""


@pytest.fixture
def starter(kubeconfig: str, stand_in_kfp: StandInKfp) -> Callable[..., Starter]:
    def make(lease: timedelta = LEASE, patience: float = 60.0, kubeconfig: str = "") -> Starter:
        kfp = kfp_connection.connect(stand_in_kfp.url)
        return Starter(kubernetes_connection.connect(kubeconfig), kfp, "team", lease, patience)

    return make


def start(starter: Starter, key: str = "alert", content: str = "") -> Started:
    def request() -> RunRequest:
        return kfp_requests.of_pipeline(starter.kfp, "retrain", {"model": "churn"})

    return single_runs.start(starter, key, "retrain", request, content=content)


def stored(starter: Starter, key: str = "alert") -> reservation.Reservation:
    found = single_runs.known(starter, key)
    assert found is not None
    return found


def dead(starter: Starter, key: str = "alert") -> None:
    """A holder reserved the key, did no more, and its lease has just ended."""
    mine = reservation.reserved(None, key, "", holder="dead", prefix="retrain", now=clock.now() - LEASE, lease=LEASE)
    reservations.create(starter.kubernetes, "team", mine)


def end_the_lease(starter: Starter, key: str = "alert") -> None:
    """Back-date the lease of whoever holds the key, if anybody does, so that no test waits for it."""
    found = reservations.read(starter.kubernetes, key, "team")
    if found and found.reservation.state is State.RESERVED:
        ended = reservation.given_up(found.reservation, clock.now())
        reservations.write(starter.kubernetes, "team", found, ended)


def test_a_key_starts_one_run_and_then_names_it(starter: Any, stand_in_kfp: StandInKfp) -> None:
    first, again = start(starter()), start(starter())
    assert (first.how, again.how) == (How.STARTED, How.BEFORE)
    assert first.run_id == again.run_id == stand_in_kfp.runs[0]["run_id"]
    assert len(stand_in_kfp.runs) == 1
    assert stand_in_kfp.runs[0]["runtime_config"]["parameters"] == {"model": "churn"}
    assert stored(starter()).state is State.STARTED


def test_another_key_starts_another_run(starter: Any, stand_in_kfp: StandInKfp) -> None:
    assert start(starter(), "a").run_id != start(starter(), "b").run_id
    assert len({run["display_name"] for run in stand_in_kfp.runs}) == 2


def test_of_many_callers_at_once_one_starts_the_run(starter: Any, stand_in_kfp: StandInKfp) -> None:
    stand_in_kfp.late = 0.3
    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(lambda _: start(starter(lease=timedelta(minutes=5))), range(48)))
    assert len(stand_in_kfp.runs) == 1
    assert {each.run_id for each in found} == {stand_in_kfp.runs[0]["run_id"]}
    assert [each.how for each in found].count(How.STARTED) == 1


def test_a_run_whose_answer_was_lost_is_found_by_its_name(starter: Any, stand_in_kfp: StandInKfp) -> None:
    stand_in_kfp.lose = True
    found = start(starter())
    assert found.run_id == stand_in_kfp.runs[0]["run_id"]
    assert stored(starter()).run_id == found.run_id
    assert start(starter()).how is How.BEFORE
    assert len(stand_in_kfp.runs) == 1


def test_a_refused_start_lets_the_next_caller_try_at_once(starter: Any, stand_in_kfp: StandInKfp) -> None:
    stand_in_kfp.refuse = 400
    with pytest.raises(KfpInvalid, match="told to refuse"):
        start(starter(lease=timedelta(minutes=5)))
    stand_in_kfp.refuse = 0
    assert start(starter(lease=timedelta(minutes=5), patience=0)).how is How.STARTED
    assert len(stand_in_kfp.runs) == 1


def test_after_an_answer_that_tells_nothing_nobody_starts_before_the_lease_ends(
    starter: Any, stand_in_kfp: StandInKfp
) -> None:
    stand_in_kfp.refuse = 500
    with pytest.raises(KfpError):
        start(starter())
    stand_in_kfp.refuse = 0
    with pytest.raises(StartPending):
        start(starter(patience=0.1))
    assert stand_in_kfp.runs == []
    end_the_lease(starter())
    assert start(starter()).how is How.STARTED


def test_patience_is_kept_however_many_looks_it_takes(starter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = starter(patience=60.0)
    mine = reservation.reserved(
        None, "alert", "", holder="slow", prefix="retrain", now=clock.now(), lease=timedelta(seconds=45)
    )
    held = reservations.create(made.kubernetes, "team", mine)
    looks = 0
    sleep = single_runs.time.sleep

    def look(seconds: float) -> None:
        # The pauses of this thread pass quickly; after sixty of them the other caller records its run.
        nonlocal looks
        looks += 1
        sleep(0.001)
        if looks == 60:
            reservations.write(made.kubernetes, "team", held, reservation.started(mine, "theirs"))

    monkeypatch.setattr(single_runs.time, "sleep", look)
    found = start(made)
    assert (found.run_id, found.how) == ("theirs", How.BEFORE)


def test_a_caller_out_of_patience_is_told_how_long_the_lease_still_lasts(starter: Any) -> None:
    made = starter(lease=timedelta(minutes=5), patience=0.3)
    mine = reservation.reserved(
        None, "alert", "", holder="slow", prefix="retrain", now=clock.now(), lease=timedelta(seconds=20)
    )
    reservations.create(made.kubernetes, "team", mine)
    began = time.monotonic()
    with pytest.raises(StartPending) as pending:
        start(made)
    assert time.monotonic() - began < 10
    assert 0 < pending.value.seconds <= 20


def test_a_caller_that_loses_every_race_is_told_the_winners_lease(
    starter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = starter(lease=timedelta(minutes=5))
    dead(made)
    asked: list[int] = []
    monkeypatch.setattr(single_runs, "_hold", lambda *_: asked.append(1))
    with pytest.raises(StartPending) as pending:
        start(made)
    assert (len(asked), pending.value.seconds) == (50, 1.0)


@pytest.mark.parametrize("taken_over", [False, True])
@pytest.mark.parametrize("error", [InputError("token", "", "a token", "Mount it."), KubernetesError(403, "no token")])
def test_a_start_that_could_not_be_sent_gives_the_reservation_back(
    starter: Any, stand_in_kfp: StandInKfp, error: Exception, taken_over: bool
) -> None:
    made = starter(lease=timedelta(minutes=5), patience=0)
    if taken_over:
        dead(made)
    configuration = made.kfp.client.configuration

    def without_a_token(_: Any) -> None:
        raise error

    def request() -> RunRequest:
        wanted = kfp_requests.of_pipeline(made.kfp, "retrain", {})
        # The token is gone from now on.
        configuration.api_key["authorization"] = ""
        configuration.refresh_api_key_hook = without_a_token
        return wanted

    with pytest.raises(type(error)):
        single_runs.start(made, "alert", "retrain", request)
    configuration.api_key.clear()
    assert stored(made).expires_at <= clock.now()
    assert start(made).how is How.STARTED
    assert len(stand_in_kfp.runs) == 1


def test_a_run_that_is_looked_for_without_a_token_gives_the_reservation_back(starter: Any) -> None:
    made = starter(lease=timedelta(minutes=5), patience=0)
    dead(made)
    configuration = made.kfp.client.configuration
    configuration.api_key["authorization"] = ""

    def without_a_token(_: Any) -> None:
        raise KubernetesError(403, "no token")

    configuration.refresh_api_key_hook = without_a_token
    with pytest.raises(KubernetesError):
        start(made)
    assert stored(made).expires_at <= clock.now()


def test_a_caller_that_died_over_a_forgotten_key_does_not_leave_it_the_run_of_before(
    starter: Any, stand_in_kfp: StandInKfp
) -> None:
    made = starter()
    before = start(made)
    config_maps, name = kubernetes_objects.CONFIG_MAPS, reservations.name("alert")
    found = kubernetes_objects.get(made.kubernetes, config_maps, name, "team")
    assert found
    kubernetes_objects.delete(made.kubernetes, config_maps, found)
    dead(made)
    again = start(made)
    assert again.how is How.STARTED
    assert again.run_id != before.run_id
    assert len(stand_in_kfp.runs) == 2


def test_an_unknown_pipeline_reserves_nothing(starter: Any) -> None:
    made = starter()
    with pytest.raises(ValueError, match="no-such-pipeline"):
        single_runs.start(made, "alert", "x", lambda: kfp_requests.of_pipeline(made.kfp, "no-such-pipeline", {}))
    assert single_runs.known(made, "alert") is None


def test_other_content_starts_the_next_run_and_the_same_does_not(starter: Any, stand_in_kfp: StandInKfp) -> None:
    found = [start(starter(), content=content) for content in ("one", "one", "two", "two", "one", "")]
    assert [each.how for each in found] == ["started", "before", "started", "before", "started", "before"]
    assert len(stand_in_kfp.runs) == 3


def test_how_a_run_ended_is_kept_with_its_key(starter: Any) -> None:
    found = start(starter())
    single_runs.finish(starter(), "alert", "another run", "FAILED")
    assert stored(starter()).outcome == ""
    single_runs.finish(starter(), "alert", found.run_id, "SUCCEEDED")
    assert (stored(starter()).state, stored(starter()).outcome) == (State.FINISHED, "SUCCEEDED")
    assert start(starter()).how is How.BEFORE


@pytest.mark.parametrize(
    ("kill_at", "before", "how"),
    [
        (1, True, How.STARTED),  # nothing is reserved yet
        (1, False, How.STARTED),  # between the reservation and the start
        (2, True, How.STARTED),  # the same, seen from the other side
        (2, False, How.ADOPTED),  # between the start and its record
        (3, True, How.ADOPTED),
        (3, False, How.BEFORE),
    ],
)
def test_a_caller_killed_at_any_write_leaves_one_run(
    starter: Any, kubernetes: Server, stand_in_kfp: StandInKfp, tmp_path: Path, kill_at: int, before: bool, how: How
) -> None:
    writes = Writes(kill_at, before)
    with WriteProxy(kubernetes.url, writes) as api, WriteProxy(stand_in_kfp.url, writes) as kfp:
        code, _ = call(writes, write_kubeconfig(tmp_path / "proxied", api.url), kfp.url)
    assert code == -9
    end_the_lease(starter())
    found = start(starter())
    assert found.how is how
    assert [run["run_id"] for run in stand_in_kfp.runs] == [found.run_id]


def test_a_caller_that_was_frozen_over_its_lease_starts_nothing(
    starter: Any, kubernetes: Server, stand_in_kfp: StandInKfp, tmp_path: Path
) -> None:
    # Frozen right before its reservation arrives, so that it looks at the clock only afterwards.
    writes = Writes(kill_at=1, freeze=True)
    with WriteProxy(kubernetes.url, writes) as api:
        late = caller(writes, write_kubeconfig(tmp_path / "proxied", api.url), stand_in_kfp.url, lease=1)
        assert writes.frozen.wait(20)
        threading.Timer(1.5, writes.thaw.set).start()
        out, _ = late.communicate(timeout=120)
    assert out.split() == ["pending"]
    assert stand_in_kfp.runs == []
    assert start(starter()).how is How.STARTED


def test_a_caller_frozen_before_its_request_ends_the_run_that_is_one_too_many(
    starter: Any, kubernetes: Server, stand_in_kfp: StandInKfp, tmp_path: Path
) -> None:
    # The one gap that no record can close: the clock was looked at, and the request is sent an age later.
    writes = Writes(kill_at=2, freeze=True)
    with WriteProxy(kubernetes.url, writes) as api, WriteProxy(stand_in_kfp.url, writes) as kfp:
        late = caller(writes, write_kubeconfig(tmp_path / "proxied", api.url), kfp.url)
        assert writes.frozen.wait(60)
        end_the_lease(starter())
        right = start(starter())
        writes.thaw.set()
        out, _ = late.communicate(timeout=120)
    assert right.how is How.STARTED
    assert out.split() == [right.run_id, "before"]
    surplus = [run["run_id"] for run in stand_in_kfp.runs if run["run_id"] != right.run_id]
    assert stand_in_kfp.terminated == surplus
    assert len(surplus) == 1
    assert stored(starter()).run_id == right.run_id


def test_of_two_late_callers_one_takes_a_dead_reservation_over(starter: Any, stand_in_kfp: StandInKfp) -> None:
    made = starter()
    dead(made)
    stand_in_kfp.late = 0.2
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: start(starter(lease=timedelta(minutes=5))), range(12)))
    assert len(stand_in_kfp.runs) == 1
    assert [each.how for each in found].count(How.STARTED) == 1


def test_old_reservations_go_and_those_still_asked_for_stay(
    starter: Any, monkeypatch: pytest.MonkeyPatch, kubeconfig: str
) -> None:
    begin = clock.now()
    start(starter(), "old")
    start(starter(), "asked for")
    for days in (20, 40):
        monkeypatch.setattr(clock, "now", lambda days=days: begin + timedelta(days=days))
        start(starter(), "asked for")
    start(starter(), "new")  # which sweeps
    made = starter()
    assert single_runs.known(made, "old") is None
    assert single_runs.known(made, "asked for") is not None
    assert begin + RETENTION < clock.now()


def test_a_sweep_removes_a_bounded_number_and_nothing_else(starter: Any) -> None:
    made = starter()
    long_ago = clock.now() - RETENTION * 2
    for number in range(7):
        old = reservation.reserved(None, f"old {number}", "", holder="h", prefix="p", now=long_ago, lease=LEASE)
        reservations.create(made.kubernetes, "team", old)
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "users-own", "namespace": "team"}}
    kubernetes_objects.create(made.kubernetes, kubernetes_objects.CONFIG_MAPS, other)
    start(made, "new")
    # The start has removed all seven; more are made to see the limit.
    for number in range(5):
        old = reservation.reserved(None, f"o {number}", "", holder="h", prefix="p", now=long_ago, lease=LEASE)
        reservations.create(made.kubernetes, "team", old)
    assert [reservations.sweep(made.kubernetes, "team", clock.now(), limit=3) for _ in range(3)] == [3, 2, 0]
    assert kubernetes_objects.get(made.kubernetes, kubernetes_objects.CONFIG_MAPS, "users-own", "team")
    assert single_runs.known(made, "new") is not None


def test_a_caller_that_may_not_delete_starts_its_run_all_the_same(
    starter: Any, kubernetes: Server, tmp_path: Path
) -> None:
    old = reservation.reserved(None, "old", "", holder="h", prefix="p", now=clock.now() - RETENTION * 2, lease=LEASE)
    reservations.create(starter().kubernetes, "team", old)
    steps = starter(kubeconfig=write_kubeconfig(tmp_path / "steps", kubernetes.url, "steps"))
    assert start(steps, "new").how is How.STARTED
    assert single_runs.known(steps, "old") is not None


def caller(writes: Writes, kubeconfig: str, kfp: str, lease: float = 30) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CALLER, kfp, str(lease)],
        env={"KUBECONFIG": kubeconfig, "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    assert process.stdout.readline() == "ready\n"
    writes.victim = process.pid
    process.stdin.write("go\n")
    process.stdin.flush()
    return process


def call(writes: Writes, kubeconfig: str, kfp: str) -> tuple[int, str]:
    process = caller(writes, kubeconfig, kfp)
    out, _ = process.communicate(timeout=120)
    return process.returncode, out
