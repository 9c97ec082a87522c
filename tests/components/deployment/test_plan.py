"""What is done about a requested release, for each state that a service and its record can be in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kfp_lifecycle.components.deployment.outcome import Outcome
from kfp_lifecycle.components.deployment.plan import Plan, make_plan
from kfp_lifecycle.components.deployment.request import ReleaseRequest
from kfp_lifecycle.core import inference_service, release, service_manifests
from kfp_lifecycle.core.inference_service import LiveService, Mode
from kfp_lifecycle.core.release import ReleaseRecord

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EMPTY = ReleaseRecord("churn", "churn-model")
MODES = pytest.mark.parametrize("mode", list(Mode))


def digest(version: str) -> str:
    return version.zfill(64)


def request(version: str = "2", percent: int = 10, run_id: str = "run-a", **overrides: Any) -> ReleaseRequest:
    uri = f"s3://models/churn-model/{digest(version)}"
    return ReleaseRequest(
        "churn",
        "team",
        "churn-model",
        version,
        uri,
        digest(version),
        percent,
        "prod",
        "runtime",
        overrides,
        900,
        run_id,
    )


def predictor(mode: Mode, version: str, name: str = "") -> dict[str, Any]:
    return service_manifests.predictor(
        mode,
        arm_name=name or f"v{version}",
        version=version,
        digest=digest(version),
        uri=f"s3://models/churn-model/{digest(version)}",
        runtime="runtime",
    )


def service(
    mode: Mode, stable: str = "1", canary: str = "", percent: int = 10, champion: str | None = None
) -> LiveService:
    spec = service_manifests.stable_spec(predictor(mode, stable))
    if canary:
        spec = service_manifests.canary_spec(mode, predictor(mode, stable), predictor(mode, canary), percent)
    manifest = service_manifests.manifest(
        service="churn",
        namespace="team",
        mode=mode,
        model="churn-model",
        spec=spec,
        champion_version=stable if champion is None else champion,
        resource_version="77",
    )
    revisions = {"latestCreatedRevision": "churn-predictor-00001", "latestRolledoutRevision": "churn-predictor-00001"}
    return inference_service.read({**manifest, "status": {"components": {"predictor": revisions}}})


def record(
    mode: Mode,
    version: str = "2",
    run_id: str = "run-a",
    first: bool = False,
    record: ReleaseRecord = EMPTY,
    **more: Any,
) -> ReleaseRecord:
    values: dict[str, Any] = {
        "run_id": run_id,
        "from_version": "" if first else "1",
        "to_version": version,
        "digest": digest(version),
        "uri": f"s3://models/churn-model/{digest(version)}",
        "weight": 100 if first else 10,
        "previous_spec": {} if first else {"predictor": predictor(mode, "1")},
        "now": NOW,
        "expires_at": LATER,
        "evidence": {"arm": "" if mode is Mode.KNATIVE else f"v{version}", "revision_before": "before"},
        **more,
    }
    return release.start(record, **values)


def serving(made: ReleaseRecord, finished: bool = False) -> ReleaseRecord:
    made = release.applied(made, made.epoch)
    return release.serving(made, made.epoch, now=NOW, expires_at=LATER, finished=finished, evidence={})


def storage(plan: Plan) -> str:
    return str(plan.spec["predictor"]["model"]["storageUri"])


@MODES
def test_with_no_service_the_version_takes_all_traffic_whatever_share_was_asked(mode):
    plan = make_plan(request("1", percent=10), mode, None, EMPTY, NOW)
    assert (plan.outcome, plan.weight, plan.from_version) == (Outcome.FIRST_RELEASE, 100, "")
    assert "canary" not in plan.spec
    assert "canaryTrafficPercent" not in plan.spec["predictor"]


@MODES
def test_beside_a_champion_it_enters_as_a_canary_that_can_be_taken_back(mode):
    plan = make_plan(request("2"), mode, service(mode), EMPTY, NOW)
    assert (plan.outcome, plan.weight, plan.champion, plan.from_version) == (Outcome.CANARY, 10, "1", "1")
    assert plan.previous == {"predictor": predictor(mode, "1")}


def test_a_standard_canary_stands_beside_the_stable_arm_under_its_own_name():
    plan = make_plan(request("2"), Mode.STANDARD, service(Mode.STANDARD), EMPTY, NOW)
    assert plan.spec["predictor"] == predictor(Mode.STANDARD, "1")
    expected = predictor(Mode.STANDARD, "2")
    # KServe's schema requires the container's name here, and its webhook refuses it in spec.predictor.
    expected["model"]["name"] = "kserve-container"
    assert plan.spec["canary"] == [{"trafficPercent": 10, "predictor": expected}]
    assert plan.arm == "v2"


def test_a_knative_canary_takes_the_place_of_the_stable_predictor_with_a_share():
    plan = make_plan(request("2"), Mode.KNATIVE, service(Mode.KNATIVE), EMPTY, NOW)
    assert plan.spec == {"predictor": {**predictor(Mode.KNATIVE, "2"), "canaryTrafficPercent": 10}}
    assert plan.revision_before == "churn-predictor-00001"


def test_knative_without_a_rolled_out_revision_would_give_a_canary_everything_so_it_is_refused():
    live = service(Mode.KNATIVE)
    bare = inference_service.LiveService(**{**vars(live), "status": {}})
    plan = make_plan(request("2"), Mode.KNATIVE, bare, EMPTY, NOW)
    assert plan.outcome is Outcome.REFUSED
    assert "rolled out no revision yet" in plan.reasons[0]


@MODES
def test_the_champions_own_bytes_change_nothing_even_while_another_release_is_under_way(mode):
    other = record(mode, "3", run_id="run-b")
    plan = make_plan(request("1"), mode, service(mode), other, NOW)
    assert (plan.outcome, plan.champion) == (Outcome.UNCHANGED, "1")


@MODES
def test_the_champions_own_bytes_change_nothing_beside_a_live_canary(mode):
    plan = make_plan(request("1"), mode, service(mode, canary="2"), serving(record(mode, "2")), NOW)
    assert plan.outcome is Outcome.UNCHANGED


@MODES
def test_a_canary_that_serves_already_at_that_share_is_a_canary_and_nothing_is_written(mode):
    plan = make_plan(request("2", run_id="run-b"), mode, service(mode, canary="2"), serving(record(mode, "2")), NOW)
    assert (plan.outcome, plan.writes, plan.weight) == (Outcome.CANARY, False, 10)


@MODES
def test_a_canary_whose_judge_has_moved_its_share_stands_at_that_share(mode):
    made = serving(record(mode, "2"))
    judged = release.judged(made, 1, weight=10, expires_at=NOW, evidence={release.JUDGE_EVIDENCE: {}})
    asked = request("2", run_id="run-b", percent=5)
    assert make_plan(asked, mode, service(mode, canary="2"), made, NOW).outcome is Outcome.REFUSED
    plan = make_plan(asked, mode, service(mode, canary="2"), judged, NOW)
    assert (plan.outcome, plan.writes, plan.weight) == (Outcome.CANARY, False, 10)


@MODES
@pytest.mark.parametrize("applied", [False, True])
def test_another_release_in_flight_is_left_alone(mode, applied):
    made = record(mode, "2", run_id="run-b")
    made = release.applied(made, 1) if applied else made
    plan = make_plan(request("3"), mode, service(mode, canary="2" if applied else ""), made, NOW)
    assert plan.outcome is Outcome.REFUSED
    assert "held by run 'run-b' until 2026-11-20T13:00:00Z" in plan.reasons[0]


@MODES
def test_a_canary_that_waits_for_its_judge_is_left_alone(mode):
    plan = make_plan(request("3"), mode, service(mode, canary="2"), serving(record(mode, "2", run_id="run-b")), NOW)
    assert plan.outcome is Outcome.REFUSED


@MODES
def test_a_canary_that_was_taken_off_no_longer_holds_the_service(mode):
    plan = make_plan(request("3"), mode, service(mode), serving(record(mode, "2", run_id="run-b")), NOW)
    assert plan.outcome is Outcome.CANARY
    assert "no longer in the InferenceService" in plan.ends


@MODES
def test_a_release_that_was_not_renewed_is_taken_over_and_the_champion_stays_what_to_go_back_to(mode):
    dead = release.applied(record(mode, "2", run_id="run-b"), 1)
    plan = make_plan(request("3"), mode, service(mode, canary="2"), dead, LATER)
    assert plan.outcome is Outcome.CANARY
    assert "taken for dead" in plan.ends
    assert plan.previous == {"predictor": predictor(mode, "1")}
    assert storage(plan) == f"s3://models/churn-model/{digest('1' if mode is Mode.STANDARD else '3')}"
    assert [entry["predictor"]["name"] for entry in plan.spec.get("canary", [])] in ([], ["v3"])


@MODES
def test_a_run_that_asks_for_other_content_gives_its_own_first_release_up(mode):
    plan = make_plan(request("3"), mode, service(mode, canary="2"), serving(record(mode, "2", run_id="run-a")), NOW)
    assert plan.outcome is Outcome.CANARY
    assert "given up by its own run" in plan.ends


@MODES
@pytest.mark.parametrize("run_id", ["run-a", "run-b"])
@pytest.mark.parametrize("state", ["started", "applied"])
@pytest.mark.parametrize("now", [NOW, LATER])
def test_the_same_content_carries_an_open_release_on_whichever_run_it_is(mode, run_id, state, now):
    made = record(mode, "2", run_id="run-b")
    live = service(mode)
    if state == "applied":
        made, live = release.applied(made, 1), service(mode, canary="2")
    plan = make_plan(request("2", run_id=run_id), mode, live, made, now)
    assert (plan.outcome, plan.continues, plan.ends) == (Outcome.CANARY, 1, "")
    assert plan.revision_before == "before"
    assert plan.previous == {"predictor": predictor(mode, "1")}


@MODES
def test_a_first_release_killed_after_its_champion_was_named_is_carried_on_and_keeps_the_name(mode):
    made = release.applied(record(mode, "1", first=True), 1)
    plan = make_plan(request("1"), mode, service(mode, stable="1"), made, NOW)
    assert (plan.outcome, plan.continues, plan.champion, plan.from_version) == (Outcome.FIRST_RELEASE, 1, "1", "")


@MODES
def test_a_first_release_that_never_proved_itself_is_replaced_by_the_next(mode):
    failed = release.refused(record(mode, "1", first=True), 1, now=NOW, evidence={})
    plan = make_plan(request("2"), mode, service(mode, stable="1", champion=""), failed, NOW)
    assert (plan.outcome, plan.weight) == (Outcome.FIRST_RELEASE, 100)
    assert storage(plan).endswith(digest("2"))


def test_a_refused_first_release_tried_again_keeps_its_arm_because_kserve_renames_no_model():
    failed = release.refused(record(Mode.STANDARD, "1", first=True), 1, now=NOW, evidence={})
    plan = make_plan(request("1"), Mode.STANDARD, service(Mode.STANDARD, stable="1", champion=""), failed, NOW)
    assert (plan.outcome, plan.arm, plan.revision_before) == (Outcome.FIRST_RELEASE, "v1", "")


def test_a_version_that_had_an_arm_before_gets_a_name_that_was_never_used():
    refused = release.refused(release.applied(record(Mode.STANDARD, "2"), 1), 1, now=NOW, evidence={})
    plan = make_plan(request("2"), Mode.STANDARD, service(Mode.STANDARD), refused, NOW)
    assert plan.arm == plan.spec["canary"][0]["predictor"]["name"] == "v2-e2"


def test_an_arm_keeps_its_name_when_only_its_share_changes():
    made = serving(record(Mode.STANDARD, "2"))
    plan = make_plan(request("2", percent=25), Mode.STANDARD, service(Mode.STANDARD, canary="2"), made, NOW)
    assert (plan.outcome, plan.arm, plan.weight) == (Outcome.CANARY, "v2", 25)


@MODES
def test_a_canary_that_nobody_recorded_is_not_touched(mode):
    plan = make_plan(request("3"), mode, service(mode, canary="2"), EMPTY, NOW)
    assert plan.outcome is Outcome.REFUSED
    assert "which no release of ours put there" in plan.reasons[0]


def test_two_canaries_are_not_touched():
    live = service(Mode.STANDARD, canary="2")
    two = {**live.spec, "canary": [*live.spec["canary"], {"trafficPercent": 5, "predictor": {"name": "hand-made"}}]}
    manifest = service_manifests.manifest(
        service="churn", namespace="team", mode=Mode.STANDARD, model="churn-model", spec=two, champion_version="1",
        resource_version="78",
    )  # fmt: skip
    plan = make_plan(request("3"), Mode.STANDARD, inference_service.read(manifest), EMPTY, NOW)
    assert plan.outcome is Outcome.REFUSED
    assert "2 canaries (v2, hand-made)" in plan.reasons[0]


def test_a_knative_canary_with_all_traffic_cannot_be_replaced_because_the_champion_is_no_longer_rolled_out():
    dead = release.applied(record(Mode.KNATIVE, "2", weight=100), 1)
    plan = make_plan(request("3"), Mode.KNATIVE, service(Mode.KNATIVE, canary="2", percent=100), dead, LATER)
    assert plan.outcome is Outcome.REFUSED
    assert "take it off first" in plan.reasons[0]


def test_overrides_are_part_of_the_new_arm_only():
    asked = request("2", serviceAccountName="reader", model={"env": [{"name": "A", "value": "b"}]})
    plan = make_plan(asked, Mode.STANDARD, service(Mode.STANDARD), EMPTY, NOW)
    arm = plan.spec["canary"][0]["predictor"]
    assert arm["serviceAccountName"] == "reader"
    assert [each["name"] for each in arm["model"]["env"]] == [
        "KFP_LIFECYCLE_MODEL_VERSION", "KFP_LIFECYCLE_MODEL_DIGEST", "A",
    ]  # fmt: skip
    assert plan.spec["predictor"] == predictor(Mode.STANDARD, "1")


@pytest.mark.parametrize(
    ("stable", "asked", "percent", "replicas"), [(1, 1, 10, 1), (4, 9, 10, 1), (4, 9, 60, 3), (10, 10, 99, 10)]
)
def test_a_standard_canary_asks_for_its_share_of_the_stable_replicas_and_at_least_one(stable, asked, percent, replicas):
    live = service(Mode.STANDARD)
    spec = service_manifests.canary_spec(
        Mode.STANDARD, {**live.spec["predictor"], "minReplicas": stable}, {"minReplicas": asked}, percent
    )
    assert spec["canary"][0]["predictor"]["minReplicas"] == replicas
