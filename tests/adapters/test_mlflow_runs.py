"""A training is logged once, however often it is tried, and in bounded time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.exceptions import MlflowException

from kfp_lifecycle.adapters import mlflow_connection, mlflow_registry
from kfp_lifecycle.adapters.mlflow_connection import attempt, connect
from kfp_lifecycle.adapters.mlflow_registry import Version
from kfp_lifecycle.adapters.mlflow_runs import Training, log_training, require_place
from kfp_lifecycle.core.errors import InputError


@pytest.fixture
def training(tmp_path: Path) -> Training:
    folder = tmp_path / "model" / "profile"
    folder.mkdir(parents=True)
    (folder.parent / "MLmodel").write_text("{}")
    (folder / "profile.json").write_text("{}")
    return Training(
        content_key="k" * 64,
        model_name="flights.late",
        directory=folder.parent,
        digest="d" * 64,
        table_digest="t" * 64,
        table_source="s3://flights",
        parameters={"label": "late", "long": "x" * 7000},
        metrics={"roc_auc": 0.7, "rows": 100},
    )


def runs(client: MlflowClient) -> list:
    return client.search_runs([e.experiment_id for e in client.search_experiments()])


def test_looking_for_a_place_writes_nothing(mlflow_store):
    require_place("trials")
    assert MlflowClient(mlflow_store).get_experiment_by_name("trials") is None


def test_a_training_is_logged_with_its_model_and_table(mlflow_store, training):
    logged = log_training(training, "trials")
    client = MlflowClient(mlflow_store)
    run = client.get_run(logged.run_id)
    assert run.info.status == "FINISHED" and run.info.run_name == "flights.late" and not logged.adopted
    assert run.data.metrics == {"roc_auc": 0.7, "rows": 100.0} and run.data.params["label"] == "late"
    assert len(run.data.params["long"]) == 6000
    assert run.outputs.model_outputs[0].model_id == logged.model_id
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.digest, dataset.dataset.source) == ("t" * 36, "s3://flights")
    model = client.get_logged_model(logged.model_id)
    assert model.status == LoggedModelStatus.READY and model.name == "flights-late"
    assert model.metrics[0].dataset_digest == "t" * 36
    assert (Path(model.artifact_location) / "profile" / "profile.json").read_text() == "{}"


def test_another_training_of_the_same_content_gets_a_run_of_its_own(mlflow_store, training):
    first, second = log_training(training, "trials"), log_training(training, "trials")
    assert first.run_id != second.run_id and len(runs(MlflowClient(mlflow_store))) == 2


@pytest.mark.parametrize("dies_in", ["log_batch", "create_logged_model", "log_model_artifacts", "set_terminated"])
@pytest.mark.parametrize("listening", [True, False], ids=["failed", "killed"])
def test_a_training_that_died_is_continued_in_its_run(mlflow_store, training, monkeypatch, dies_in, listening):
    class Died(BaseException):
        pass

    def die(*_args, **_kwargs):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, dies_in, die)
        if not listening:
            # A killed process cannot say that it failed.
            patch.setattr(MlflowClient, "set_terminated", die)
        with pytest.raises(Died):
            log_training(training, "trials")
    client = MlflowClient(mlflow_store)
    (left,) = runs(client)
    assert left.info.status != "FINISHED"
    logged = log_training(replace(training, digest="e" * 64), "trials")
    assert logged.run_id == left.info.run_id and len(runs(client)) == 1
    run = client.get_run(logged.run_id)
    assert run.info.status == "FINISHED"
    assert [len(client.get_metric_history(logged.run_id, name)) for name in training.metrics] == [1, 1]
    models = client.search_logged_models([run.info.experiment_id])
    unfinished = [model for model in models if model.status == LoggedModelStatus.PENDING]
    assert not unfinished and client.get_logged_model(logged.model_id).status == LoggedModelStatus.READY


def test_a_lost_reply_leaves_one_run_and_one_model(mlflow_store, training, monkeypatch):
    created = MlflowClient.create_run
    calls = []

    def lose_first_reply(self, *args, **kwargs):
        calls.append(1)
        made = created(self, *args, **kwargs)
        if len(calls) == 1:
            raise MlflowException("the connection broke")
        return made

    monkeypatch.setattr(MlflowClient, "create_run", lose_first_reply)
    log_training(training, "trials")
    assert len(runs(MlflowClient(mlflow_store))) == 1 and len(calls) == 1


def test_a_given_run_is_adopted_once_and_left_to_its_owner(mlflow_store, training, monkeypatch):
    client = MlflowClient(mlflow_store)
    given = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    require_place("never-made")
    first, second = log_training(training, "never-made"), log_training(training, "never-made")
    assert first == second and first.run_id == given and first.adopted
    run = client.get_run(given)
    assert (run.data.params, run.data.metrics, run.info.status) == ({}, {}, "RUNNING")
    assert run.data.tags["kfp-lifecycle.content_key"] == training.content_key
    assert client.get_experiment_by_name("never-made") is None
    assert len(client.search_logged_models(["0"])) == 1


def test_a_given_experiment_wins_over_a_named_one(mlflow_store, training, monkeypatch):
    client = MlflowClient(mlflow_store)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", client.create_experiment("given"))
    require_place("trials")
    logged = log_training(training, "trials")
    assert client.get_run(logged.run_id).info.experiment_id == client.get_experiment_by_name("given").experiment_id
    assert client.get_experiment_by_name("trials") is None


@pytest.mark.parametrize("kind", ["deleted", "absent"])
def test_a_given_run_that_is_gone_is_refused(mlflow_store, training, monkeypatch, kind):
    client = MlflowClient(mlflow_store)
    given = client.create_run("0").info.run_id if kind == "deleted" else "0" * 32
    if kind == "deleted":
        client.delete_run(given)
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    for call in (lambda: require_place("trials"), lambda: log_training(training, "trials")):
        with pytest.raises(InputError, match=f"MLFLOW_RUN_ID='{given}'"):
            call()


def test_a_deleted_experiment_is_refused_with_the_way_out(mlflow_store, training):
    client = MlflowClient(mlflow_store)
    number = client.create_experiment("trials")
    client.delete_experiment(number)
    for call in (lambda: require_place("trials"), lambda: log_training(training, "trials")):
        with pytest.raises(InputError, match=rf"experiment='trials'.*restore -x {number}"):
            call()


def test_an_experiment_that_somebody_else_makes_meanwhile_is_used(mlflow_store, training, monkeypatch):
    made = MlflowClient.create_experiment

    def made_by_another(self, name, *args, **kwargs):
        made(self, name)
        return made(self, name, *args, **kwargs)

    monkeypatch.setattr(MlflowClient, "create_experiment", made_by_another)
    logged = log_training(training, "trials")
    client = MlflowClient(mlflow_store)
    assert client.get_run(logged.run_id).info.experiment_id == client.get_experiment_by_name("trials").experiment_id


def test_four_trainings_of_the_same_content_at_once_all_have_a_ready_model(mlflow_store, training):
    require_place("trials")
    found, errors = [], []

    def log() -> None:
        try:
            found.append(log_training(training, "trials"))
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(found) == 4
    client = MlflowClient(mlflow_store)
    assert all(client.get_logged_model(each.model_id).status == LoggedModelStatus.READY for each in found)
    assert all(client.get_run(each.run_id).info.status == "FINISHED" for each in found)


class Scripted(ThreadingHTTPServer):
    """Answers each request with the next status; after the last with that one."""

    def __init__(self, statuses: list[int], delay: float = 0.0) -> None:
        self.statuses, self.delay, self.seen = statuses, delay, []
        super().__init__(("127.0.0.1", 0), ScriptedAnswer)


class ScriptedAnswer(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        status = self.server.statuses[min(len(self.server.seen), len(self.server.statuses) - 1)]
        self.server.seen.append(self.path)
        body = b'{"experiment": {"experiment_id": "7", "name": "trials", "lifecycle_stage": "active"}}'
        if status >= 400:
            body = b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}' if status == 404 else b"busy"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scripted(monkeypatch) -> Iterator[Callable[[list[int]], Scripted]]:
    servers = []

    def start(statuses: list[int]) -> Scripted:
        server = Scripted(statuses)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("statuses", [[500, 200], [503, 502, 200], [429, 200]])
def test_a_server_that_stumbles_is_asked_again(scripted, statuses):
    server = scripted(statuses)
    require_place("trials")
    assert len(server.seen) == len(statuses)


def test_an_answer_that_will_not_change_is_taken_at_once(scripted):
    server = scripted([404])
    require_place("trials")
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_named(scripted, status):
    server = scripted([status])
    with pytest.raises(InputError, match="MLFLOW_TRACKING_TOKEN"):
        require_place("trials")
    assert len(server.seen) == 1


def test_a_server_that_keeps_failing_is_named_after_bounded_patience(scripted, monkeypatch):
    monkeypatch.setattr(mlflow_connection, "PATIENCE", 1.0)
    scripted([500])
    start = time.monotonic()
    with pytest.raises(InputError, match="MLFLOW_TRACKING_URI='http://127.0.0.1:.*an MLflow server that answers"):
        require_place("trials")
    assert time.monotonic() - start < 60


def test_patience_and_one_call_end_within_thirty_seconds():
    assert mlflow_connection.PATIENCE + mlflow_connection.CALL_TIMEOUT < 30


def test_a_dead_server_and_one_that_never_answers_are_named(monkeypatch):
    import socket

    monkeypatch.setattr(mlflow_connection, "PATIENCE", 1.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for port in (9, silent.getsockname()[1]):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://name:secret@127.0.0.1:{port}")
            with pytest.raises(InputError, match=f"MLFLOW_TRACKING_URI='http://127.0.0.1:{port}'") as caught:
                require_place("trials")
            assert "secret" not in str(caught.value)


def test_errors_of_our_own_are_not_repeated(mlflow_store):
    calls = []

    def call() -> None:
        calls.append(1)
        raise KeyError("a mistake")

    connect()
    with pytest.raises(KeyError):
        attempt(call)
    assert len(calls) == 1


@pytest.mark.parametrize(("users", "for_files", "for_calls"), [("", "600", "10"), ("33", "33", "33")])
def test_only_files_are_given_minutes(mlflow_store, training, tmp_path, monkeypatch, users, for_files, for_calls):
    name = "MLFLOW_HTTP_REQUEST_TIMEOUT"
    monkeypatch.setenv(name, users)
    if not users:
        monkeypatch.delenv(name)
    seen = {}

    def spy(method: str) -> None:
        called = getattr(MlflowClient, method)

        def call(*args, **kwargs):
            seen[method] = os.environ[name]
            return called(*args, **kwargs)

        monkeypatch.setattr(MlflowClient, method, call)

    for method in ("create_logged_model", "log_model_artifacts", "finalize_logged_model"):
        spy(method)
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", lambda *_, **__: seen.update(download=os.environ[name]))
    logged = log_training(training, "trials")
    mlflow_registry.download(Version("late", "1", f"models:/{logged.model_id}", {}), tmp_path / "copy")
    assert seen == {
        "create_logged_model": for_calls,
        "log_model_artifacts": for_files,
        "finalize_logged_model": for_calls,
        "download": for_files,
    }
    assert os.environ[name] == for_calls
