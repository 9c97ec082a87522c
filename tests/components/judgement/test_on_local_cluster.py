"""Does a judge on live traffic promote what is good, roll back what is not, and never promote on silence?"""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from itertools import pairwise

import pytest

from kfp_lifecycle.adapters import kubernetes_connection, release_writes
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.components.judgement import case
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.core import release
from kfp_lifecycle.core.errors import InputError

pytestmark = pytest.mark.slow
BODY = b'{"inputs": []}'


def test_a_good_candidate_walks_all_weights_and_is_promoted(stage, judged, mode):
    staged = stage(mode)
    with staged.cluster.traffic(staged.name, rate=300, body=BODY) as traffic:
        outcome, decision = judged(staged, checks_per_weight=1)
    assert outcome == "promote", decision.reasons
    assert staged.weight() == 50
    assert decision.numbers["errors_canary_requests"] >= 100
    checks = staged.record().open.evidence["judge"]["state"]["records"]
    assert {weight for _, weight, *_ in checks} == {10, 25, 50}
    assert not [result for result in traffic.results if result.failed]
    # The next step's pod may have to wait for a node.
    assert staged.record().open.expires_at > now() + timedelta(minutes=50)


def test_a_failing_candidate_is_rolled_back(stage, judged, mode):
    staged = stage(mode)
    staged.behave("2", fail_share=0.15)
    with staged.cluster.traffic(staged.name, rate=300, body=BODY):
        outcome, decision = judged(staged)
    assert outcome == "roll_back"
    assert decision.reasons[0].startswith("errors: ")
    assert "worse" in decision.reasons[0]
    # The judge decides; taking the traffic off is the next step's work.
    assert staged.weight() in (10, 25)


def test_a_slow_candidate_is_rolled_back(stage, judged, mode):
    staged = stage(mode)
    staged.behave("2", slow_share=0.2, slow_seconds=0.3)
    with staged.cluster.traffic(staged.name, rate=200, threads=16, body=BODY):
        outcome, decision = judged(staged)
    assert outcome == "roll_back"
    assert decision.reasons[0].startswith("slow: ")


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_a_candidate_that_refuses_what_the_champion_takes_is_rolled_back(stage, judged, mode):
    staged = stage(mode)
    staged.behave("2", refuse_share=1.0)
    with staged.cluster.traffic(staged.name, rate=300, body=BODY):
        outcome, decision = judged(staged)
    assert outcome == "roll_back"
    assert decision.reasons[0].startswith("refused: 100.00% of the canary's")


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_requests_that_both_arms_refuse_say_nothing_of_the_model(stage, judged, mode):
    staged = stage(mode)
    for version in ("1", "2"):
        staged.behave(version, refuse_share=1.0)
    with staged.cluster.traffic(staged.name, rate=100, body=BODY):
        outcome, decision = judged(staged, weights=[10], checks_per_weight=1, deadline_seconds=4)
    assert outcome == "roll_back"
    assert decision.reasons[0].startswith("undecided")
    assert "answered with status 4xx" in " ".join(decision.reasons)


def test_a_candidate_whose_server_dies_is_rolled_back_at_the_next_check(stage, judged, mode):
    staged = stage(mode)
    killer = threading.Timer(2.5, lambda: staged.cluster.signal(staged.canary, signal.SIGKILL))
    killer.start()
    with staged.cluster.traffic(staged.name, rate=100, body=BODY):
        outcome, decision = judged(staged)
    killer.join()
    assert outcome == "roll_back"
    assert "restarted once" in decision.reasons[0] or "not ready" in decision.reasons[0]
    assert decision.numbers["seconds"] < 10


def test_without_traffic_nothing_is_promoted(stage, judged, mode):
    outcome, decision = judged(stage(mode), weights=[10], checks_per_weight=1, deadline_seconds=4)
    assert outcome == "roll_back"
    assert decision.reasons[0].startswith("undecided after ")
    assert "no traffic" in " ".join(decision.reasons)


def test_a_metrics_endpoint_that_is_down_never_promotes(stage, judged, mode, monkeypatch):
    staged = stage(mode)
    monkeypatch.setenv("KFP_LIFECYCLE_ENVOY_ADMIN_URL", "http://127.0.0.1:9")
    with staged.cluster.traffic(staged.name, rate=100, body=BODY):
        outcome, decision = judged(staged, weights=[10], checks_per_weight=1, deadline_seconds=4)
    assert outcome == "roll_back"
    assert "a query failed: Envoy at http://127.0.0.1:9: ConnectError" in " ".join(decision.reasons)
    assert staged.weight() == 10


def test_a_refusal_by_policy_is_told_as_one_and_not_as_an_error_of_the_model(stage, judged, mode):
    staged = stage(mode)
    staged.cluster.deny(staged.name)
    with staged.cluster.traffic(staged.name, rate=50, body=BODY):
        outcome, decision = judged(staged, weights=[10], checks_per_weight=1, deadline_seconds=4)
    assert outcome == "roll_back"
    assert decision.reasons[0].startswith("undecided")
    assert "not reachable by policy" in decision.reasons[0]
    assert decision.numbers.get("errors_canary_requests", 0) == 0


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_a_judge_whose_release_was_taken_over_writes_nothing_more(stage, judged, mode):
    staged = stage(mode)
    weights: list[int] = []

    def take_over() -> None:
        release_writes.change_record(
            kubernetes_connection.connect(),
            staged.name,
            "default",
            lambda record: release.taken_over(record, run_id="x", expires_at=now()),
        )
        weights.append(staged.weight())

    taker = threading.Timer(1.5, take_over)
    taker.start()
    with staged.cluster.traffic(staged.name, rate=300, body=BODY):
        outcome, decision = judged(staged, checks_per_weight=1)
    taker.join()
    assert outcome == "superseded"
    assert staged.record().open.run_id == "x"
    assert "no longer the open one" in decision.reasons[0]
    # Without the take-over the next check would have moved it.
    assert weights == [staged.weight()]
    # What it saw before is in its report all the same.
    assert decision.numbers["checks"] == len(decision.inputs["every_check"]) >= 1


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_an_api_that_is_away_for_a_check_costs_no_evidence(stage, judged, mode, monkeypatch):
    staged = stage(mode)
    remember, calls = case.remember, []

    def sometimes(*arguments, **options):
        calls.append(arguments)
        if len(calls) in (3, 4):
            raise KubernetesError(503, "the API is away")
        remember(*arguments, **options)

    monkeypatch.setattr(case, "remember", sometimes)
    with staged.cluster.traffic(staged.name, rate=300, body=BODY):
        outcome, decision = judged(staged, checks_per_weight=1)
    assert outcome == "promote"
    seconds = [check[0] for check in decision.inputs["every_check"]]
    assert len(seconds) == len(calls) == decision.numbers["checks"]
    assert max(later - earlier for earlier, later in pairwise(seconds)) < 2


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_a_roll_back_beside_a_live_judge_wins(stage, judged, mode, tmp_path, artifact):
    staged = stage(mode)
    ended: list[str] = []

    def take_off() -> None:
        files = {name: artifact(str(tmp_path / name)) for name in ("decision", "report")}
        ended.extend(roll_back(service=staged.name, namespace="default", reason="a user said so", **files))

    user = threading.Timer(2.5, take_off)
    user.start()
    with staged.cluster.traffic(staged.name, rate=300, body=BODY) as traffic:
        outcome, _ = judged(staged, checks_per_weight=1)
    user.join()
    assert (outcome, ended) == ("superseded", ["rolled_back"])
    (newest,) = staged.record().releases
    assert str(newest.state) == "rolled_back"
    assert "a user said so" in str(newest.evidence)
    assert staged.cluster.weights(staged.name) == {staged.stable: 100}
    assert not [result for result in traffic.results if result.failed]


WRONG = {
    "weights=": {"weights": [10, 10]},
    "slo_milliseconds=123.0": {"slo_milliseconds": 123.0},
    "metrics='graphite'": {"metrics": "graphite"},
    "service='nobody'": {"service": "nobody"},
    "version='7'": {"version": "7"},
    "evidence='replay'": {"evidence": "replay"},
    "evidence='stars'": {"evidence": "stars"},
    "deadline_seconds=2": {"deadline_seconds": 2},
    "deadline_seconds=3": {"deadline_seconds": 3, "weights": [20, 30], "checks_per_weight": 2},
}


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_a_wrong_input_is_named_and_the_traffic_stays_as_it_is(stage, judged, mode):
    staged = stage(mode)
    with staged.cluster.traffic(staged.name, rate=50, body=BODY) as traffic:
        traffic.wait_for(60)
    before = staged.record()
    for named, arguments in WRONG.items():
        with pytest.raises(InputError) as error:
            judged(staged, **arguments)
        assert str(error.value).startswith(named)
        assert (staged.weight(), staged.record()) == (10, before), named
