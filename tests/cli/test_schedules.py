"""``schedules`` makes the recurring runs of a KFP API those of a file, and touches nothing else."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import kfp_server_api
import pytest
from tests.cli.kfp_stage import client, enabled, recurring_runs, write_pipeline
from tests.local.kfp_api.serving import serving

from kfp_lifecycle.adapters.kfp_errors import AUDIENCE
from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.local.kfp_api import recurring_runs as api_rows
from kfp_lifecycle.local.kubernetes_api import tokens
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes

NIGHTLY = "  - {name: nightly, pipeline: greet, cron: 0 0 3 * * *, parameters: {name: '[[ScheduledTime]]'}}\n"
HOURLY = "  - {name: hourly, pipeline: greet, every: PT1H, parameters: {name: x, times: 2}}\n"


@pytest.fixture
def file(kfp_url: str, tmp_path: Path) -> Path:
    """An empty schedules file, beside an uploaded pipeline."""
    assert main(["upload", str(write_pipeline(tmp_path / "greet.yaml")), "--tag", "1.0"]) == 0
    return declared(tmp_path / "schedules.yaml")


def declared(path: Path, *schedules: str, owner: str = "team") -> Path:
    listed = "\n" + "".join(schedules) if schedules else " []\n"
    path.write_text(f"owner: {owner}\nschedules:{listed}", encoding="utf-8")
    return path


def by_name(url: str) -> dict[str, Any]:
    found = recurring_runs(url)
    names = [it.display_name for it in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, found, strict=True))


def test_plan_apply_and_then_nothing_to_do(kfp_url: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declared(file, NIGHTLY, HOURLY)
    assert main(["schedules", "plan", str(file), "--exit-code"]) == 3
    assert recurring_runs(kfp_url) == []
    assert main(["schedules", "apply", str(file)]) == 0
    capsys.readouterr()

    assert main(["schedules", "plan", str(file), "--exit-code"]) == 0

    assert capsys.readouterr().out == "nothing to do\n"
    assert enabled(kfp_url) == {"nightly": 1, "hourly": 1}


def test_every_declared_field_reaches_the_api(kfp_url: str, file: Path) -> None:
    declared(
        file,
        "  - {name: n, pipeline: greet, version: '1.0', every: PT5M, start: 2030-01-01, end: 2031-01-01,\n"
        "     max_concurrency: 3, catch_up: true, enabled: false, experiment: E, service_account: sa,\n"
        "     parameters: {name: a, times: 2}}\n",
    )

    assert main(["schedules", "apply", str(file)]) == 0

    made = by_name(kfp_url)["n"]
    periodic = made.trigger.periodic_schedule
    experiments = kfp_server_api.ExperimentServiceApi(client(kfp_url))
    pipelines = kfp_server_api.PipelineServiceApi(client(kfp_url))
    reference = made.pipeline_version_reference
    version = pipelines.pipeline_service_get_pipeline_version(reference.pipeline_id, reference.pipeline_version_id)
    assert (int(periodic.interval_second), periodic.start_time.year, periodic.end_time.year) == (300, 2030, 2031)
    assert (int(made.max_concurrency), bool(made.no_catchup), made.mode) == (3, False, "DISABLE")
    assert made.service_account == "sa"
    assert made.runtime_config.parameters == {"name": "a", "times": 2}
    assert experiments.experiment_service_get_experiment(made.experiment_id).display_name == "E"
    assert version.name == "1.0"


def test_a_schedule_without_a_version_follows_the_latest_one(kfp_url: str, file: Path, tmp_path: Path) -> None:
    assert main(["schedules", "apply", str(declared(file, NIGHTLY))]) == 0
    assert by_name(kfp_url)["nightly"].pipeline_version_reference.pipeline_version_id is None

    assert main(["upload", str(write_pipeline(tmp_path / "greet.yaml", note="other"))]) == 0

    assert main(["schedules", "plan", str(file), "--exit-code"]) == 0


def test_a_change_replaces_one_schedule_and_leaves_the_other_alone(
    kfp_url: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schedules", "apply", str(declared(file, NIGHTLY, HOURLY))]) == 0
    before = by_name(kfp_url)
    capsys.readouterr()

    declared(file, NIGHTLY, HOURLY.replace("times: 2", "times: 3").replace("PT1H", "PT2H"))
    assert main(["schedules", "diff", str(file)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert main(["schedules", "apply", str(file)]) == 0

    assert told == [
        "~ hourly: replace (every, parameters)",
        "    every: 3600 -> 7200",
        '    parameters: {"name": "x", "times": 2} -> {"name": "x", "times": 3}',
        "1 schedule to change",
    ]
    after = by_name(kfp_url)
    assert after["nightly"].recurring_run_id == before["nightly"].recurring_run_id
    assert after["hourly"].recurring_run_id != before["hourly"].recurring_run_id
    assert after["hourly"].runtime_config.parameters["times"] == 3
    assert enabled(kfp_url) == {"nightly": 1, "hourly": 1}


def test_switching_off_and_on_keeps_the_recurring_run(kfp_url: str, file: Path) -> None:
    assert main(["schedules", "apply", str(declared(file, NIGHTLY))]) == 0
    identity = by_name(kfp_url)["nightly"].recurring_run_id

    off = NIGHTLY.replace("{name: nightly", "{name: nightly, enabled: false")
    assert main(["schedules", "apply", str(declared(file, off))]) == 0
    assert enabled(kfp_url) == {"nightly": 0}
    assert main(["schedules", "apply", str(declared(file, NIGHTLY))]) == 0

    assert enabled(kfp_url) == {"nightly": 1}
    assert by_name(kfp_url)["nightly"].recurring_run_id == identity


def test_only_what_the_owner_declared_is_removed(kfp_url: str, file: Path, tmp_path: Path) -> None:
    by_hand(kfp_url, "by hand")
    assert main(["schedules", "apply", str(declared(tmp_path / "other.yaml", HOURLY, owner="others"))]) == 0
    assert main(["schedules", "apply", str(declared(file, NIGHTLY))]) == 0

    assert main(["schedules", "apply", str(declared(file))]) == 0

    assert enabled(kfp_url) == {"by hand": 1, "hourly": 1}


def test_a_name_of_somebody_else_is_refused_unless_adopted(
    kfp_url: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand(kfp_url, "nightly")
    declared(file, HOURLY, NIGHTLY)

    assert main(["schedules", "apply", str(file)]) == 2
    assert f"{file}:4 schedules[1].name='nightly'" in capsys.readouterr().err
    assert enabled(kfp_url) == {"nightly": 1}
    assert main(["schedules", "apply", str(file), "--adopt"]) == 0

    assert enabled(kfp_url) == {"nightly": 1, "hourly": 1}
    assert by_name(kfp_url)["nightly"].trigger.cron_schedule.cron == "0 0 3 * * *"
    assert main(["schedules", "plan", str(file), "--exit-code"]) == 0


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (NIGHTLY.replace("greet", "absent"), ":3 schedules[0].pipeline='absent'"),
        (NIGHTLY.replace("pipeline: greet", "pipeline: greet, version: '9'"), ":3 schedules[0].version='9'"),
        (NIGHTLY.replace("{name: '[[S", "{nam: '[[S"), ":3 schedules[0].parameters.nam="),
        (NIGHTLY.replace(", parameters: {name: '[[ScheduledTime]]'}", ""), ":3 schedules[0].parameters.name=None"),
        (HOURLY.replace("times: 2", "times: 2.5"), ":3 schedules[0].parameters.times=2.5"),
        (HOURLY.replace("times: 2", "times: '[[Index]]'"), ":3 schedules[0].parameters.times='[[Index]]'"),
        (HOURLY.replace("name: x", "name: 3"), ":3 schedules[0].parameters.name=3"),
    ],
)
def test_what_the_pipeline_cannot_take_is_refused_before_anything_is_written(
    kfp_url: str, file: Path, capsys: pytest.CaptureFixture[str], schedule: str, said: str
) -> None:
    good = "  - {name: good, pipeline: greet, every: PT1H, parameters: {name: x}}\n"
    declared(file, schedule, good)

    assert main(["schedules", "apply", str(file)]) == 2

    assert f"{file}{said}" in capsys.readouterr().err
    assert recurring_runs(kfp_url) == []


def test_a_pipeline_that_was_made_anew_gets_its_schedule_anew(
    kfp_url: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schedules", "apply", str(declared(file, NIGHTLY))]) == 0
    service = kfp_server_api.PipelineServiceApi(client(kfp_url))
    [old] = service.pipeline_service_list_pipelines().pipelines
    service.pipeline_service_delete_pipeline(old.pipeline_id, cascade=True)
    assert main(["upload", str(tmp_path / "greet.yaml")]) == 0
    capsys.readouterr()

    assert main(["schedules", "diff", str(file)]) == 0
    assert f'pipeline: "{old.pipeline_id} (deleted)" -> "greet"' in capsys.readouterr().out
    assert main(["schedules", "apply", str(file)]) == 0

    assert by_name(kfp_url)["nightly"].pipeline_version_reference.pipeline_id != old.pipeline_id


@pytest.mark.parametrize("lost", range(1, 5))
def test_a_write_whose_answer_is_lost_is_not_done_twice(kfp_url: str, file: Path, lost: int) -> None:
    assert main(["schedules", "apply", str(declared(file, HOURLY))]) == 0
    declared(file, HOURLY.replace("times: 2", "times: 3"))

    class Cut(Writes):
        """Cuts the connection after the write was done, and kills nobody."""

        def kill(self) -> None:
            pass

    with WriteProxy(kfp_url, Cut(kill_at=lost, before=False)) as proxy:
        assert main(["schedules", "apply", str(file), "--host", proxy.url]) == 0

    assert enabled(kfp_url) == {"hourly": 1}
    assert by_name(kfp_url)["hourly"].runtime_config.parameters["times"] == 3


def test_two_that_apply_at_once_end_with_one_schedule(kfp_url: str, file: Path) -> None:
    for times in (2, 3):
        declared(file, HOURLY.replace("times: 2", f"times: {times}"))
        together = threading.Barrier(3)
        codes: list[int] = []

        def race(together: threading.Barrier = together, codes: list[int] = codes) -> None:
            together.wait()
            codes.append(main(["schedules", "apply", str(file)]))

        racers = [threading.Thread(target=race) for _ in range(3)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()

        assert codes == [0, 0, 0]
        assert enabled(kfp_url) == {"hourly": 1}
        assert by_name(kfp_url)["hourly"].runtime_config.parameters["times"] == times


def test_an_api_that_keeps_something_else_leaves_the_old_schedule_as_it_is(
    kfp_url: str, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["schedules", "apply", str(declared(file, HOURLY))]) == 0
    before = by_name(kfp_url)["hourly"].recurring_run_id
    insert = api_rows.insert
    monkeypatch.setattr(
        api_rows, "insert", lambda connection, made: insert(connection, replace(made, max_concurrency=9))
    )

    assert main(["schedules", "apply", str(declared(file, HOURLY.replace("times: 2", "times: 3")))]) == 1

    assert "another max_concurrency" in capsys.readouterr().err
    assert by_name(kfp_url)["hourly"].recurring_run_id == before
    assert enabled(kfp_url) == {"hourly": 1}


def test_an_api_that_is_away_answers_1(kfp_url: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with WriteProxy(kfp_url, Writes()) as proxy:
        proxy.answer = lambda method, path: 403 if method == "POST" else 0

        assert main(["schedules", "apply", str(declared(file, HOURLY)), "--host", proxy.url]) == 1

    assert "create the recurring run 'hourly'" in capsys.readouterr().err


def test_a_multi_user_kubeflow_is_spoken_to_with_a_token_and_a_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = b"k" * 32

    def token(audience: str = AUDIENCE) -> str:
        user = "system:serviceaccount:team:default-editor"
        return tokens.sign({"sub": user, "aud": [audience], "exp": int(time.time()) + 60}, key)

    (tmp_path / "token").write_text(token("another"), encoding="utf-8")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    package, file = write_pipeline(tmp_path / "greet.yaml"), declared(tmp_path / "schedules.yaml", NIGHTLY)
    with serving(tmp_path / "kfp.sqlite", key) as url:
        there = ["--host", url, "--namespace", "team"]
        assert main(["upload", str(package), *there]) == 1
        assert AUDIENCE in capsys.readouterr().err

        (tmp_path / "token").write_text(token(), encoding="utf-8")
        assert main(["upload", str(package), *there]) == 0
        assert main(["schedules", "apply", str(file), *there]) == 0
        assert main(["schedules", "plan", str(file), "--exit-code", *there]) == 0
        assert main(["schedules", "plan", str(file), "--host", url, "--namespace", "others"]) == 1

        [made] = recurring_runs(url, token(), "team")
        assert made.namespace == "team"
        experiments = kfp_server_api.ExperimentServiceApi(client(url, token()))
        assert experiments.experiment_service_get_experiment(made.experiment_id).namespace == "team"


def by_hand(url: str, name: str) -> None:
    """A recurring run that no file declares."""
    pipelines = kfp_server_api.PipelineServiceApi(client(url))
    [pipeline] = pipelines.pipeline_service_list_pipelines().pipelines
    [experiment] = kfp_server_api.ExperimentServiceApi(client(url)).experiment_service_list_experiments().experiments
    kfp_server_api.RecurringRunServiceApi(client(url)).recurring_run_service_create_recurring_run(
        kfp_server_api.V2beta1RecurringRun(
            display_name=name,
            experiment_id=experiment.experiment_id,
            pipeline_version_reference=kfp_server_api.V2beta1PipelineVersionReference(pipeline_id=pipeline.pipeline_id),
            runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters={"name": "x"}),
            max_concurrency="1",
            trigger=kfp_server_api.V2beta1Trigger(cron_schedule=kfp_server_api.V2beta1CronSchedule(cron="0 0 4 * * *")),
            mode="ENABLE",
        )
    )
