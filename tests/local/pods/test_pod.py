"""The life of a pod."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.local.pods import pod
from kfp_lifecycle.local.pods.pod import PodStatus, Stage
from kfp_lifecycle.local.settings import Timings

TIMINGS = Timings(back_off=10, back_off_most=300, probe_failures=3)


def running(**fields: object) -> PodStatus:
    return pod.started(pod.fetched(PodStatus(created=0.0)), pid=5, port=9000, now=1.0)


def crashed(status: PodStatus, now: float) -> PodStatus:
    return pod.ended(status, exit_code=1, message="x", now=now)


def test_restarts_wait_longer_and_longer_as_a_kubelets_do() -> None:
    status, waits = running(), []
    for turn in range(8):
        status = pod.backed_off(crashed(status, now=100.0), TIMINGS)
        waits.append(status.waits_until - 100.0)
        status = pod.started(status, pid=5, port=9000, now=200.0)
        assert status.restarts == turn + 1
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_readiness_needs_one_success_and_ends_after_three_misses_in_a_row() -> None:
    status = pod.probed(running(), success=True, timings=TIMINGS)
    for success, ready in [(False, True), (False, True), (True, True), (False, True), (False, True), (False, False)]:
        status = pod.probed(status, success=success, timings=TIMINGS)
        assert status.ready is ready


def test_a_signal_shows_as_a_shell_shows_it() -> None:
    assert pod.ended(running(), exit_code=-9, message="", now=2.0).exit_code == 137


@given(st.lists(st.sampled_from(["probe", "miss", "crash", "start"]), max_size=30))
def test_only_a_running_server_is_ever_ready(events: list[str]) -> None:
    status = running()
    for event in events:
        if event in ("probe", "miss"):
            status = pod.probed(status, success=event == "probe", timings=TIMINGS)
        elif event == "crash" and status.stage is Stage.RUNNING:
            status = crashed(status, now=10.0)
        elif event == "start" and status.stage is Stage.TERMINATED:
            status = pod.started(pod.backed_off(status, TIMINGS), pid=6, port=9000, now=11.0)
        assert not status.ready or status.stage is Stage.RUNNING
        assert status.failed is (status.stage is Stage.TERMINATED)
