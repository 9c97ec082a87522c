"""Token mode: who may ask, and for which namespace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import kfp
import pytest
from tests.local.kfp_api.serving import client, refused, serving

from kfp_lifecycle.local.kubernetes_api import tokens

KEY = b"k" * 32
AUDIENCE = "pipelines.kubeflow.org"


def token(
    namespace: str = "team", audiences: Sequence[str] = (AUDIENCE,), *, seconds: int = 600, key: bytes = KEY
) -> str:
    """A token as the local Kubernetes API signs them."""
    now = int(time.time())
    subject = f"system:serviceaccount:{namespace}:default-editor"
    return tokens.sign({"sub": subject, "aud": list(audiences), "iat": now, "exp": now + seconds}, key)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """An API that wants tokens."""
    with serving(tmp_path / "kfp.sqlite", KEY) as address:
        yield address


@pytest.fixture
def team(guarded: str) -> kfp.Client:
    return client(guarded, existing_token=token(), namespace="team")


# Made when they are used: a token of ten minutes would have expired before a late test.
WRONG: dict[str, tuple[Callable[[], str], str]] = {
    "for another audience": (
        lambda: token(audiences=["https://kubernetes.default.svc"]),
        "https://kubernetes.default.svc",
    ),
    "expired": (lambda: token(seconds=-1), "expired"),
    "of another cluster": (lambda: token(key=b"other"), "not of this cluster"),
    "no token": (lambda: "not.a.token", "not of this cluster"),
    "unsigned": (lambda: token().rpartition(".")[0] + ".", "not of this cluster"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_token_is_refused_with_the_audience_that_is_needed(guarded: str, name: str) -> None:
    wrong, reason = WRONG[name]
    api = client(guarded, existing_token=wrong(), namespace="team")
    for text in (reason, AUDIENCE):
        with refused(401, text):
            api.list_runs()


def test_without_a_token_only_health_is_told(guarded: str) -> None:
    api = client(guarded, namespace="team")
    assert api.get_kfp_healthz().multi_user is True
    with refused(401, AUDIENCE):
        api.list_experiments()
    for header in ("", "Bearer", f"Basic {token()}", token()):
        answer = httpx.get(f"{guarded}/apis/v2beta1/runs?namespace=team", headers={"Authorization": header})
        assert answer.status_code == 401
    for method, path in (
        ("POST", "pipelines/upload"),
        ("POST", "runs"),
        ("DELETE", "runs/x"),
        ("POST", "runs/x:retry"),
    ):
        assert httpx.request(method, f"{guarded}/apis/v2beta1/{path}").status_code == 401


def test_a_namespace_is_needed_and_only_ones_own_is_given(team: kfp.Client, package: Path) -> None:
    with refused(400, "give a namespace"):
        team.upload_pipeline(str(package), "mine")
    with refused(403, "'other'"):
        team.upload_pipeline(str(package), "mine", namespace="other")
    with refused(403, "'other'"):
        team.list_runs(namespace="other")
    mine = team.upload_pipeline(str(package), "mine", namespace="team")
    assert mine.namespace == "team"
    assert team.list_pipelines(namespace="team").total_size == 1
    # Without a namespace KFP lists what is shared by all, which is nothing here.
    assert not team.list_pipelines().pipelines
    run = team.create_run_from_pipeline_package(str(package), {"name": "x"}, experiment_name="trial")
    assert [found.run_id for found in team.list_runs(namespace="team").runs] == [run.run_id]
    with refused(400, "experiment_id"):
        team._run_api.run_service_create_run({"display_name": "x", "pipeline_spec": {}})


def test_nobody_sees_what_belongs_to_another_namespace(guarded: str, team: kfp.Client, package: Path) -> None:
    pipeline = team.upload_pipeline(str(package), "mine", namespace="team").pipeline_id
    version = team.list_pipeline_versions(pipeline).pipeline_versions[0].pipeline_version_id
    experiment = team.create_experiment("trial").experiment_id
    run = team.run_pipeline(experiment, "one", pipeline_id=pipeline, version_id=version, params={"name": "x"}).run_id
    schedule = team.create_recurring_run(
        experiment, "often", interval_second=60, pipeline_package_path=str(package), params={"name": "x"}
    ).recurring_run_id
    other = client(guarded, existing_token=token("other"), namespace="other")
    for call, identity in (
        (other.get_pipeline, pipeline),
        (other.list_pipeline_versions, pipeline),
        (other.delete_pipeline, pipeline),
        (other.get_experiment, experiment),
        (other.archive_experiment, experiment),
        (other.get_run, run),
        (other.terminate_run, run),
        (other.delete_run, run),
        (other.get_recurring_run, schedule),
        (other.disable_recurring_run, schedule),
        (other.delete_recurring_run, schedule),
    ):
        with refused(404, identity):
            call(identity)
    with refused(404, version):
        # kfp.Client asks by the pipeline; so does whoever guesses.
        mine = other.upload_pipeline(str(package), "mine", namespace="other").pipeline_id
        other.get_pipeline_version(mine, version)
    with refused(404, experiment):
        other.run_pipeline(experiment, "one", str(package), {"name": "x"})
    assert not other.list_runs(experiment_id=experiment).runs
    assert not other.list_recurring_runs(experiment_id=experiment).recurring_runs
    assert team.get_run(run).state == "PENDING"
