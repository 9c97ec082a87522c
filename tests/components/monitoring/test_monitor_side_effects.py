"""What does a monitor trust, and what does it leave behind?"""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from kfp_lifecycle.adapters import mlflow_monitoring
from kfp_lifecycle.core.errors import InputError


def runs_of(champion, key: str = "") -> list:
    client = MlflowClient(champion.environment["MLFLOW_TRACKING_URI"])
    place = client.get_experiment_by_name(champion.name).experiment_id
    named = "tags.`kfp-lifecycle.kfp_run_id` = " + f"'{key}'"
    return list(client.search_runs([place], named))


def test_a_step_that_is_tried_again_is_recorded_once(served, watch, champion) -> None:
    rows = served()
    first, second = (watch(rows, run_id="kfp-run-1") for _ in range(2))
    assert first.decision == second.decision
    [run] = runs_of(champion, "kfp-run-1")
    assert run.data.metrics == pytest.approx(first.decision.numbers)
    assert run.data.tags["kfp-lifecycle.outcome"] == "healthy"
    assert run.data.tags["kfp-lifecycle.window"] == first.window
    assert run.info.status == "FINISHED"
    client = MlflowClient(champion.environment["MLFLOW_TRACKING_URI"])
    assert len(client.get_metric_history(run.info.run_id, "rows")) == 1
    watch(rows, run_id="kfp-run-2")
    assert len(runs_of(champion, "kfp-run-2")) == 1


def test_a_step_tried_again_after_the_champion_changed_writes_to_the_same_run(served, watch, champion) -> None:
    client = MlflowClient(champion.environment["MLFLOW_TRACKING_URI"])
    first = client.get_model_version(champion.name, champion.version)
    rows = served()
    watch(rows, run_id="kfp-run-5")
    model = first.source.removeprefix("models:/")
    second = client.create_model_version(champion.name, first.source, first.run_id, tags=first.tags, model_id=model)
    client.set_registered_model_alias(champion.name, "champion", second.version)
    try:
        watch(rows, run_id="kfp-run-5")
    finally:
        client.set_registered_model_alias(champion.name, "champion", champion.version)
        client.delete_model_version(champion.name, second.version)
    [run] = runs_of(champion, "kfp-run-5")
    assert run.data.tags["kfp-lifecycle.model_version"] == second.version


def test_a_joint_test_that_cannot_be_made_is_refused_before_anything_is_fetched(served, watch, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("kfp_lifecycle.components.monitoring.monitoring.find_asked", None)
    with pytest.raises(InputError, match="torch to be installed"):
        watch(served(), joint="mmd")


def test_the_run_of_kfps_plugin_is_adopted_and_its_metrics_left_to_its_owner(
    served, watch, champion, monkeypatch
) -> None:
    client = MlflowClient(champion.environment["MLFLOW_TRACKING_URI"])
    place = client.get_experiment_by_name(champion.name).experiment_id
    run_id = client.create_run(place).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    watch(served(), run_id="kfp-run-3")
    run = client.get_run(run_id)
    assert run.data.tags["kfp-lifecycle.outcome"] == "healthy"
    assert (run.data.metrics, run.info.status) == ({}, "RUNNING")


def test_a_record_whose_reply_was_lost_is_found_again(champion, monkeypatch) -> None:
    made = []
    create = MlflowClient.create_run

    def lose_the_reply(client, *arguments, **named):
        made.append(create(client, *arguments, **named))
        raise ConnectionError("lost")

    record = mlflow_monitoring.Monitoring(
        "key-1", champion.name, "1", "d", "kfp-run-4", "w", "healthy", 0, {"rows": 1.0}
    )
    monkeypatch.setattr(MlflowClient, "create_run", lose_the_reply)
    with pytest.raises(ConnectionError):
        mlflow_monitoring.record_monitoring(record)
    monkeypatch.undo()
    for variable, value in champion.environment.items():
        monkeypatch.setenv(variable, value)
    assert mlflow_monitoring.record_monitoring(record) == made[0].info.run_id


def export_of(champion) -> Path:
    [folder] = (Path(champion.environment["KFP_LIFECYCLE_MODELS_ROOT"]) / champion.name).iterdir()
    return folder


class Payload:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["profile/detector.dill", "profile/sample.pkl", "profile/notes.json", "x.bin"])
def test_a_planted_file_is_refused_before_anything_is_read(served, watch, champion, tmp_path, name: str) -> None:
    mark, planted = tmp_path / "ran", export_of(champion) / name
    planted.write_bytes(pickle.dumps(Payload(mark)))
    try:
        with pytest.raises(InputError, match="this one is new"):
            watch(served())
    finally:
        planted.unlink()
    assert not mark.exists()


def test_a_profile_that_was_changed_is_refused(served, watch, champion) -> None:
    path = export_of(champion) / "profile" / "profile.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace('"rows":', '"rows": ', 1), encoding="utf-8")
    try:
        with pytest.raises(InputError, match="was changed"):
            watch(served())
    finally:
        path.write_text(before, encoding="utf-8")


def test_the_model_itself_is_neither_copied_nor_needed(served, watch, champion) -> None:
    path = export_of(champion) / "model.skops"
    shutil.move(path, path.with_name("moved"))
    path.write_bytes(b"")
    try:
        with pytest.raises(InputError, match="new"):
            watch(served())
        shutil.move(path.with_name("moved"), path.parents[2] / "moved")
        assert watch(served()).outcome == "healthy"
    finally:
        shutil.move(path.parents[2] / "moved", path)


def test_an_unknown_model_or_version_is_named(served, watch, champion) -> None:
    rows = served()
    with pytest.raises(InputError) as raised:
        watch(rows, version="99")
    assert raised.value.parameter == "version"
    with pytest.raises(InputError) as raised:
        watch(rows, environment="staging")
    assert raised.value.parameter == "model_name"


@pytest.mark.parametrize(
    ("parameter", "change"),
    [("label", {"label": "lat"}), ("time_column", {"time_column": "when"}), ("time_column", {"time_column": "age"}),
     ("metric", {"metric": "rmse"})],
)  # fmt: skip
def test_a_column_that_is_not_there_is_named_with_those_near_it(served, watch, parameter, change) -> None:
    with pytest.raises(InputError) as raised:
        watch(served(), **change)
    assert raised.value.parameter == parameter


def test_times_may_be_text_and_rows_without_one_belong_to_no_window(served, watch) -> None:
    rows = served()
    plain = watch(rows)
    text = rows.assign(_event_time=rows["_event_time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").where(rows.index % 2 == 0))
    halved = watch(text)
    assert halved.outcome == plain.outcome == "healthy"
    assert halved.decision.numbers["rows"] == pytest.approx(plain.decision.numbers["rows"] / 2, rel=0.1)
    assert isinstance(text["_event_time"].dtype, pd.StringDtype) or text["_event_time"].dtype == object
