"""Experiments by the official client."""

from __future__ import annotations

from pathlib import Path

import kfp
from tests.local.kfp_api.serving import refused


def test_there_is_a_default_experiment_from_the_start(api: kfp.Client) -> None:
    assert api.get_experiment(experiment_name="Default").storage_state == "AVAILABLE"


def test_an_experiment_is_made_found_and_deleted(api: kfp.Client) -> None:
    made = api.create_experiment("trial", "a description")
    assert api.create_experiment("trial") == made
    assert api.get_experiment(made.experiment_id) == made
    assert made.description == "a description"
    with refused(409, "trial"):
        api._experiment_api.experiment_service_create_experiment({"display_name": "trial"})
    with refused(400, "display_name"):
        api._experiment_api.experiment_service_create_experiment({"display_name": " "})
    api.delete_experiment(made.experiment_id)
    with refused(404, made.experiment_id):
        api.get_experiment(made.experiment_id)


def test_archiving_takes_runs_along_and_stops_schedules(api: kfp.Client, package: Path) -> None:
    trial = api.create_experiment("trial").experiment_id
    run = api.run_pipeline(trial, "one", str(package), {"name": "x"})
    schedule = api.create_recurring_run(
        trial, "often", interval_second=3600, pipeline_package_path=str(package), params={"name": "x"}
    )
    assert api.get_experiment(trial).last_run_created_at == run.created_at
    api.archive_experiment(trial)
    assert api.get_experiment(trial).storage_state == "ARCHIVED"
    assert api.get_run(run.run_id).storage_state == "ARCHIVED"
    assert api.get_recurring_run(schedule.recurring_run_id).status == "DISABLED"
    with refused(400, "unarchive its experiment first"):
        api.unarchive_run(run.run_id)
    api.unarchive_experiment(trial)
    assert api.get_run(run.run_id).storage_state == "ARCHIVED"
    api.unarchive_run(run.run_id)
    assert api.get_run(run.run_id).storage_state == "AVAILABLE"


def test_runs_outlive_their_experiment(api: kfp.Client, package: Path) -> None:
    trial = api.create_experiment("trial").experiment_id
    run = api.run_pipeline(trial, "one", str(package), {"name": "x"})
    api.delete_experiment(trial)
    assert api.get_run(run.run_id).experiment_id == trial
