"""However often and from wherever a content is registered, it is one version."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient

from kfp_lifecycle.adapters import mlflow_registry
from kfp_lifecycle.components.registration.registration import register
from kfp_lifecycle.core.checksums import verify_checksums


@pytest.fixture
def name() -> str:
    return f"model-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path / "models"))
    return tmp_path / "models"


def versions(uri: str, name: str) -> list[str]:
    return [str(each.version) for each in MlflowClient(uri).search_model_versions(f"name='{name}'")]


def test_the_first_registration_exports_tags_and_names_the_challenger(mlflow_uri, trained, name, root):
    model = trained()
    version, uri, digest = register(model, name, run_id="run-1")
    assert (version, uri, digest) == ("1", f"file://{root}/{name}/{digest}", model.metadata["digest"])
    assert verify_checksums(root / name / digest) == digest
    registered = MlflowClient(mlflow_uri).get_model_version_by_alias(name, "challenger")
    assert str(registered.version) == "1"
    assert registered.source == f"models:/{model.metadata['model_id']}"
    assert registered.tags == {
        "kfp-lifecycle.content_key": model.metadata["content_key"],
        "kfp-lifecycle.digest": digest,
        "kfp-lifecycle.uri": uri,
        "kfp-lifecycle.environment": "prod",
        "kfp-lifecycle.kfp_run_id": "run-1",
        "kfp-lifecycle.table_digest": model.metadata["table_digest"],
    }


def test_the_same_training_dumped_twice_is_one_version_with_the_first_bytes(mlflow_uri, trained, name, root):
    first, again = trained(key="k1", content="a"), trained(key="k1", content="b")
    assert first.metadata["digest"] != again.metadata["digest"]
    assert register(again, name) == register(first, name)
    assert versions(mlflow_uri, name) == ["1"]
    assert [path.name for path in (root / name).iterdir()] == [again.metadata["digest"]]


def test_another_training_is_another_version_and_the_new_challenger(mlflow_uri, trained, name, root):
    register(trained(key="k1"), name)
    assert register(trained(key="k2"), name)[0] == "2"
    assert str(MlflowClient(mlflow_uri).get_model_version_by_alias(name, "challenger").version) == "2"


def test_a_champion_that_is_registered_again_does_not_become_challenger(mlflow_uri, trained, name, root):
    champion = trained(key="k1")
    register(champion, name)
    MlflowClient(mlflow_uri).set_registered_model_alias(name, "champion", "1")
    register(trained(key="k2"), name)
    register(champion, name)
    assert str(MlflowClient(mlflow_uri).get_model_version_by_alias(name, "challenger").version) == "2"


def test_an_environment_has_aliases_of_its_own(mlflow_uri, trained, name, root):
    register(trained(), name, environment="staging")
    client = MlflowClient(mlflow_uri)
    assert client.get_registered_model(name).aliases == {"challenger-staging": "1"}


EIGHT = """
import json, multiprocessing, sys
from dataclasses import make_dataclass
import mlflow  # takes seconds, so it is done once, before the processes part
from kfp_lifecycle.components.registration.registration import register
Model = make_dataclass("Model", ["path", "uri", "metadata"])
name, *paths = sys.argv[1:]
context = multiprocessing.get_context("fork")
together, answers = context.Barrier(len(paths)), context.Queue()
def race(path):
    model = Model(path, path, json.loads(open(path + ".metadata").read()))
    together.wait()
    answers.put(register(model, name))
racers = [context.Process(target=race, args=[path]) for path in paths]
for racer in racers: racer.start()
found = [answers.get(timeout=120) for _ in racers]
for racer in racers: racer.join()
print(json.dumps([found, [racer.exitcode for racer in racers]]))
"""


def test_eight_processes_at_once_leave_exactly_one_version(
    mlflow_uri, trained, name, root, proxied, writes, monkeypatch
):
    paths = [trained(key="same", content=str(number)).path for number in range(4)] * 2
    proxy, together = proxied(mlflow_uri, writes), threading.Barrier(len(paths))

    def hold(method: str, path: str) -> int:
        """No version is created before each process has looked and found none: the worst case, every time."""
        if path.endswith("model-versions/create"):
            together.wait(120)
        return 0

    proxy.answer = hold
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")  # a held request is not to be sent twice
    done = subprocess.run([sys.executable, "-c", EIGHT, name, *paths], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    answers, exit_codes = json.loads(done.stdout.splitlines()[-1])
    assert exit_codes == [0] * 8
    assert len({tuple(answer) for answer in answers}) == 1
    assert versions(mlflow_uri, name) == [answers[0][0]] == ["1"]
    assert sum("model-versions/create" in line for line in writes.seen) == 8


def test_versions_that_dead_racers_left_are_removed_and_the_lowest_stays(mlflow_uri, trained, name, root):
    model = trained(key="k1")
    first = register(model, name)
    client = MlflowClient(mlflow_uri)
    for _ in range(2):
        client.create_model_version(
            name,
            f"models:/{model.metadata['model_id']}",
            tags={mlflow_registry.CONTENT_KEY: "k1"},
            model_id=model.metadata["model_id"],
        )
    assert register(model, name) == first
    assert versions(mlflow_uri, name) == ["1"]
