"""Runs by the official client; nothing executes them here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import kfp
import pytest
from kfp_server_api import V2beta1PipelineVersionReference, V2beta1Run
from tests.local.kfp_api.serving import refused

from kfp_lifecycle.local.kfp_api import recurring_runs, runs, states, tasks
from kfp_lifecycle.local.kfp_api.database import connect, transaction


def test_a_run_from_a_package_keeps_spec_and_parameters(api: kfp.Client, package: Path) -> None:
    made = api.create_run_from_pipeline_package(
        str(package), {"name": "x", "times": 3}, run_name="first", experiment_name="trial", enable_caching=False
    )
    found = api.get_run(made.run_id)
    assert (found.display_name, found.state, found.storage_state) == ("first", "PENDING", "AVAILABLE")
    assert found.runtime_config.parameters == {"name": "x", "times": 3}
    assert found.pipeline_spec["pipelineInfo"]["name"] == "greet"
    assert found.pipeline_spec["root"]["dag"]["tasks"]["greet"]["cachingOptions"] == {}
    assert [status.state for status in found.state_history] == ["PENDING"]
    trial = api.get_experiment(experiment_name="trial").experiment_id
    assert [run.run_id for run in api.list_runs(experiment_id=trial).runs] == [made.run_id]
    assert not api.list_runs(experiment_id=api.get_experiment(experiment_name="Default").experiment_id).runs


def test_a_run_of_a_pipeline_takes_the_given_version_or_the_latest(api: kfp.Client, package: Path) -> None:
    pipeline = api.upload_pipeline(str(package), "greetings").pipeline_id
    first = api.list_pipeline_versions(pipeline).pipeline_versions[0].pipeline_version_id
    second = api.upload_pipeline_version(str(package), "v2", pipeline).pipeline_version_id
    default = api.get_experiment(experiment_name="Default").experiment_id
    given = api.run_pipeline(default, "one", pipeline_id=pipeline, version_id=first, params={"name": "x"})
    assert given.pipeline_version_reference == V2beta1PipelineVersionReference(pipeline, first)
    latest = api._run_api.run_service_create_run(
        V2beta1Run(
            display_name="two",
            pipeline_version_reference=V2beta1PipelineVersionReference(pipeline),
            runtime_config={"parameters": {"name": "x"}},
        )
    )
    assert latest.pipeline_version_reference.pipeline_version_id == second
    assert latest.experiment_id == default


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameter 'name' is missing"),
        ({"name": "x", "tims": 1}, "parameter 'tims' is unknown"),
        ({"name": 1}, "parameter 'name' is '1': expected text"),
        ({"name": "x", "times": "3"}, "parameter 'times' is '3': expected a whole number"),
        ({"name": "x", "times": 1.5}, "parameter 'times'"),
        ({"name": "x", "flags": {"a": 1}}, "parameter 'flags'"),
        ({"name": "x" * 70_000}, "parameter 'name'"),
    ],
)
def test_a_wrong_parameter_is_named(api: kfp.Client, package: Path, parameters: dict[str, Any], message: str) -> None:
    default = api.get_experiment(experiment_name="Default").experiment_id
    with refused(400, message):
        api.run_pipeline(default, "wrong", str(package), parameters)
    assert not api.list_runs().runs


def test_numbers_may_be_written_as_json_has_them(api: kfp.Client, package: Path) -> None:
    made = api.create_run_from_pipeline_package(str(package), {"name": "x", "times": 3.0, "ratio": 2})
    parameters = api.get_run(made.run_id).runtime_config.parameters
    assert parameters == {"name": "x", "times": 3, "ratio": 2}
    assert isinstance(parameters["times"], int)


def test_a_message_may_have_either_style_of_names(url: str, api: kfp.Client, package: Path) -> None:
    pipeline = api.upload_pipeline(str(package), "greetings").pipeline_id
    body = {
        "displayName": "camel",
        "pipelineVersionReference": {"pipelineId": pipeline},
        "runtimeConfig": {"parameters": {"name": "x"}},
        "aFieldOfTheFuture": 1,
    }
    answer = httpx.post(f"{url}/pipeline/apis/v2beta1/runs", json=body)
    assert answer.status_code == 200
    assert api.get_run(answer.json()["run_id"]).display_name == "camel"


def test_the_end_of_a_run_is_asked_for_once_and_not_of_one_that_ended(
    api: kfp.Client, package: Path, tmp_path: Path
) -> None:
    run_id = api.create_run_from_pipeline_package(str(package), {"name": "x"}).run_id
    api.terminate_run(run_id)
    assert api.get_run(run_id).state == "CANCELING"
    with transaction(connect(tmp_path / "kfp.sqlite")) as connection:
        runs.enter(connection, run_id, states.CANCELED)
    with refused(400, "ended already"):
        api.terminate_run(run_id)
    assert api.get_run(run_id).state == "CANCELED"


def test_a_run_shows_its_tasks_its_error_and_its_history(api: kfp.Client, package: Path, tmp_path: Path) -> None:
    run_id = api.create_run_from_pipeline_package(str(package), {"name": "x"}).run_id
    with transaction(connect(tmp_path / "kfp.sqlite")) as connection:
        runs.enter(connection, run_id, states.RUNNING)
        tasks.insert(connection, tasks.Task(run_id, 0, "greet", states.RUNNING, started=1.5))
        tasks.update(connection, run_id, 0, state=states.FAILED, finished=2.5, error="no voice")
        runs.enter(connection, run_id, states.FAILED, error="greet failed")
    found = api.get_run(run_id)
    [task] = found.run_details.task_details
    assert (task.display_name, task.state, task.error.message) == ("greet", "FAILED", "no voice")
    assert (task.end_time - task.start_time).total_seconds() == 1
    assert (found.state, found.error.message) == ("FAILED", "greet failed")
    assert [status.state for status in found.state_history] == ["PENDING", "RUNNING", "FAILED"]
    assert found.finished_at >= found.created_at


def test_a_run_is_archived_restored_and_deleted_unless_it_runs(api: kfp.Client, package: Path, tmp_path: Path) -> None:
    run_id = api.create_run_from_pipeline_package(str(package), {"name": "x"}).run_id
    api.archive_run(run_id)
    assert api.get_run(run_id).storage_state == "ARCHIVED"
    api.unarchive_run(run_id)
    with transaction(connect(tmp_path / "kfp.sqlite")) as connection:
        runs.enter(connection, run_id, states.RUNNING)
    with refused(400, "terminate it first"):
        api.delete_run(run_id)
    with transaction(connect(tmp_path / "kfp.sqlite")) as connection:
        runs.enter(connection, run_id, states.SUCCEEDED)
    api.delete_run(run_id)
    for call in (api.get_run, api.terminate_run, api.archive_run, api.unarchive_run, api.delete_run):
        with refused(404, run_id):
            call(run_id)


def test_a_run_needs_one_pipeline_that_exists(api: kfp.Client, url: str, package: Path) -> None:
    default = api.get_experiment(experiment_name="Default").experiment_id
    with refused(404, "nowhere"):
        api.run_pipeline(default, "one", pipeline_id="nowhere", version_id="none", params={})
    with refused(404, "no-experiment"):
        api.run_pipeline("no-experiment", "one", str(package), {"name": "x"})
    one, other = (api.upload_pipeline(str(package), name).pipeline_id for name in ("one", "other"))
    foreign = api.list_pipeline_versions(other).pipeline_versions[0].pipeline_version_id
    with refused(404, foreign):
        api.run_pipeline(default, "one", pipeline_id=one, version_id=foreign, params={"name": "x"})
    for body in ({"display_name": "x"}, {"display_name": "x", "pipeline_spec": {}}, {"pipeline_spec": [1]}, [1]):
        assert httpx.post(f"{url}/apis/v2beta1/runs", json=body).status_code == 400


def test_what_is_not_served_says_so(api: kfp.Client, url: str, package: Path) -> None:
    run_id = api.create_run_from_pipeline_package(str(package), {"name": "x"}).run_id
    with refused(501, "retry"):
        api._run_api.run_service_retry_run(run_id)
    with refused(501, "pipeline_root"):
        api.create_run_from_pipeline_package(str(package), {"name": "x"}, pipeline_root="s3://bucket")
    with refused(501, "plugins_input"):
        api._run_api.run_service_create_run({"display_name": "x", "plugins_input": {"mlflow": {}}})
    for method, path in (
        ("GET", "/apis/v2beta1/auth"),
        ("POST", "/apis/v2beta1/visualizations/x"),
        ("PATCH", "/apis/v2beta1/pipelines/x"),
        ("GET", "/apis/v1beta1/runs"),
    ):
        answer = httpx.request(method, f"{url}{path}")
        assert (answer.status_code, answer.json()["code"]) == (501, 12)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"a": NaN}',
        b'{"a": 1e400}',
        b'{"a": [-1e999]}',
        b'{"display_name": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_message_is_a_bad_request(url: str, body: bytes) -> None:
    answer = httpx.post(f"{url}/apis/v2beta1/runs", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert "no JSON" in answer.json()["message"]


def test_a_run_of_a_pipeline_is_told_listed_and_changed_without_reading_its_package(
    api: kfp.Client, package: Path, tmp_path: Path
) -> None:
    pipeline = api.upload_pipeline(str(package), "greetings").pipeline_id
    version = api.list_pipeline_versions(pipeline).pipeline_versions[0].pipeline_version_id
    default = api.get_experiment(experiment_name="Default").experiment_id
    run_id = api.run_pipeline(default, "one", pipeline_id=pipeline, version_id=version, params={"name": "x"}).run_id
    given = {"pipeline_id": pipeline, "version_id": version, "params": {"name": "x"}}
    schedule = api.create_recurring_run(default, "often", interval_second=60, **given).recurring_run_id
    connection = connect(tmp_path / "kfp.sqlite")
    # Whoever reads these now fails.
    connection.execute("UPDATE runs SET documents = 'no JSON'")
    connection.execute("UPDATE recurring_runs SET documents = 'no JSON'")
    assert api.get_run(run_id).pipeline_version_reference.pipeline_version_id == version
    assert [run.run_id for run in api.list_runs().runs] == [run_id]
    assert [found.recurring_run_id for found in api.list_recurring_runs().recurring_runs] == [schedule]
    assert [found.id for found in recurring_runs.enabled(connection)] == [schedule]
    api.terminate_run(run_id)
    with transaction(connection):
        runs.enter(connection, run_id, states.CANCELED)
    assert api.get_run(run_id).state == "CANCELED"
    connection.close()
