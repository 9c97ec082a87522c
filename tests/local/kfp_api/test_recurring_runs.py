"""Recurring runs by the official client; nothing fires them here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kfp
import pytest
from kfp_server_api import (
    RecurringRunMode,
    V2beta1CronSchedule,
    V2beta1PipelineVersionReference,
    V2beta1RecurringRun,
    V2beta1Trigger,
)
from tests.local.kfp_api.serving import refused


def create(api: kfp.Client, package: Path, **options: Any) -> V2beta1RecurringRun:
    """A recurring run with these options of kfp.Client."""
    default = api.get_experiment(experiment_name="Default").experiment_id
    given = {"params": {"name": "[[ScheduledTime]]"}, "pipeline_package_path": str(package), **options}
    return api.create_recurring_run(default, "nightly", **given)


def test_a_cron_schedule_is_kept_as_it_was_given(api: kfp.Client, package: Path) -> None:
    made = create(
        api,
        package,
        cron_expression="0 30 3 ? * MON-FRI",
        start_time="2026-01-01T00:00:00Z",
        end_time="2027-01-01T01:00:00+01:00",
        max_concurrency=10,
        no_catchup=True,
        description="at night",
    )
    found = api.get_recurring_run(made.recurring_run_id)
    assert found == made
    schedule = found.trigger.cron_schedule
    assert schedule.cron == "0 30 3 * * MON-FRI"
    assert schedule.start_time == datetime(2026, 1, 1, tzinfo=UTC)
    assert schedule.end_time == datetime(2027, 1, 1, tzinfo=UTC)
    assert (found.max_concurrency, found.no_catchup, found.status, found.mode) == ("10", True, "ENABLED", "ENABLE")
    assert found.runtime_config.parameters == {"name": "[[ScheduledTime]]"}
    assert found.pipeline_spec["pipelineInfo"]["name"] == "greet"


def test_an_interval_is_enabled_disabled_and_deleted(api: kfp.Client, package: Path) -> None:
    made = create(api, package, interval_second=2, enabled=False)
    identity = made.recurring_run_id
    assert (made.trigger.periodic_schedule.interval_second, made.status, made.no_catchup) == ("2", "DISABLED", False)
    api.enable_recurring_run(identity)
    assert api.get_recurring_run(identity).status == "ENABLED"
    api.disable_recurring_run(identity)
    changed = api.get_recurring_run(identity)
    assert (changed.status, changed.mode) == ("DISABLED", "DISABLE")
    assert changed.updated_at >= made.updated_at
    assert [one.recurring_run_id for one in api.list_recurring_runs().recurring_runs] == [identity]
    api.delete_recurring_run(identity)
    for call in (api.get_recurring_run, api.enable_recurring_run, api.delete_recurring_run):
        with refused(404, identity):
            call(identity)


def test_a_schedule_names_a_version_or_always_the_latest(api: kfp.Client, package: Path) -> None:
    pipeline = api.upload_pipeline(str(package), "greetings").pipeline_id
    version = api.list_pipeline_versions(pipeline).pipeline_versions[0].pipeline_version_id
    pinned = create(
        api, package, interval_second=60, pipeline_package_path=None, pipeline_id=pipeline, version_id=version
    )
    assert pinned.pipeline_version_reference == V2beta1PipelineVersionReference(pipeline, version)
    latest = api._recurring_run_api.recurring_run_service_create_recurring_run(
        V2beta1RecurringRun(
            display_name="latest",
            mode=RecurringRunMode.ENABLE,
            max_concurrency="1",
            pipeline_version_reference=V2beta1PipelineVersionReference(pipeline),
            runtime_config={"parameters": {"name": "x"}},
            trigger=V2beta1Trigger(cron_schedule=V2beta1CronSchedule(cron="0 0 3 * * *")),
        )
    )
    assert latest.pipeline_version_reference == V2beta1PipelineVersionReference(pipeline)
    assert latest.experiment_id == api.get_experiment(experiment_name="Default").experiment_id
    empty = api._pipelines_api.pipeline_service_create_pipeline({"display_name": "empty"}).pipeline_id
    with refused(400, "has no version"):
        api._recurring_run_api.recurring_run_service_create_recurring_run(
            {**latest.to_dict(), "pipeline_version_reference": {"pipeline_id": empty}, "created_at": None}
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cron_expression": "0 3 * * *"}, "six fields"),
        ({"cron_expression": "0 0 25 * * *"}, "hours from 0 to 23"),
        ({"cron_expression": "every day"}, "six fields"),
        ({"cron_expression": "0 " * 300}, "200 characters"),
        ({"interval_second": -5}, "at least 1"),
        ({"interval_second": 60, "max_concurrency": 0}, "max_concurrency must be from 1 to 10"),
        ({"interval_second": 60, "max_concurrency": 11}, "max_concurrency must be from 1 to 10"),
        ({"interval_second": 60, "start_time": "tomorrow"}, "start_time"),
        ({"interval_second": 60, "start_time": "2027-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}, "before"),
        ({"interval_second": 10**30}, "interval_second is no whole number of 64 bits"),
        ({"interval_second": 10**17}, "interval_second must be at least 1 and at most"),
        ({"interval_second": 60, "max_concurrency": 10**30}, "max_concurrency"),
        ({"cron_expression": "0 0 0 * * *", "start_time": "9999-12-31T23:59:59Z"}, "years 1970 to 9000"),
        ({"interval_second": 60, "end_time": "9999-12-31T23:59:59-23:59"}, "years 1970 to 9000"),
        ({"interval_second": 60, "start_time": "0001-01-01T00:00:00+23:59"}, "years 1970 to 9000"),
        ({"interval_second": 60, "params": {"nam": "x"}}, "parameter 'nam' is unknown"),
        ({"interval_second": 60, "params": {}}, "parameter 'name' is missing"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_reason(
    api: kfp.Client, package: Path, options: dict[str, Any], message: str
) -> None:
    with refused(400, message):
        create(api, package, **options)
    assert not api.list_recurring_runs().recurring_runs


def test_a_schedule_needs_a_mode_and_one_trigger(api: kfp.Client) -> None:
    service = api._recurring_run_api
    body: dict[str, Any] = {"display_name": "x", "max_concurrency": 1, "trigger": {}}
    with refused(400, "mode"):
        service.recurring_run_service_create_recurring_run(body)
    with refused(400, "either cron_schedule or periodic_schedule"):
        service.recurring_run_service_create_recurring_run({**body, "mode": "ENABLE"})
