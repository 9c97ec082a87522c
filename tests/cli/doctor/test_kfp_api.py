"""What does the doctor say of a KFP API? By a stand-in whose answers have the shapes of KFP's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli.doctor.stand_in import KFP_HEALTH, Api, Doctor, Request

RUNS = "/apis/v2beta1/runs"
TOKEN = "kfp-token-of-the-test-0123456789"


@pytest.fixture
def kfp(api: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", api.url)
    api.paths = {KFP_HEALTH: health("2.17.0"), RUNS: {"runs": []}}
    return api


def health(tag: str, **more: Any) -> dict[str, Any]:
    return {"commit_sha": "unknown", "tag_name": tag, "multi_user": False, "pipeline_store": "database", **more}


def test_an_api_that_answers_is_ok_with_its_version(kfp: Api, doctor: Doctor) -> None:
    found = doctor()
    assert found.of("kfp")["text"] == f"answers at {kfp.url} (single-user)"
    assert (found.level("kfp version"), found.of("kfp version")["text"]) == ("ok", "2.17.0")
    assert found.level("kfp namespace") == "ok"


def test_without_an_endpoint_the_failure_says_what_to_set(doctor: Doctor) -> None:
    found = doctor()
    assert found.level("kfp") == "failure"
    assert found.of("kfp")["text"].startswith("KF_PIPELINES_ENDPOINT=")
    assert "Set it" in found.of("kfp")["remedy"]
    assert found.of("kfp version")["remedy"] == "Repair 'kfp' first."


@pytest.mark.parametrize(
    ("tag", "level", "fix"),
    [
        ("2.14.0", "ok", ""),
        ("2.13.9", "failure", "Upgrade Kubeflow Pipelines to 2.14 or later"),
        ("unknown", "warning", "tag of the ml-pipeline image"),
        ("", "warning", "tag of the ml-pipeline image"),
    ],
)
def test_the_version_is_held_against_the_floor(kfp: Api, doctor: Doctor, tag: str, level: str, fix: str) -> None:
    kfp.paths[KFP_HEALTH] = health(tag)
    found = doctor().of("kfp version")
    assert found["level"] == level
    assert fix in found["remedy"]


def test_the_ui_in_front_of_the_api_tells_the_version_under_another_name(kfp: Api, doctor: Doctor) -> None:
    kfp.paths[KFP_HEALTH] = {"apiServerTagName": "2.15.1", "apiServerReady": True, "multi_user": False}
    assert doctor().of("kfp version")["text"] == "2.15.1"


def test_a_multi_user_kfp_is_asked_for_the_namespace_with_the_token(
    kfp: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    kfp.paths[KFP_HEALTH] = health("2.17.0", multi_user=True)
    found = doctor("--namespace", "team")
    assert "multi-user, namespace 'team'" in found.of("kfp")["text"]
    assert found.of("kfp namespace")["text"] == "token accepted; runs of namespace 'team' can be listed"
    [runs] = [each for each in kfp.asked if each.path == RUNS]
    assert "namespace=team" in runs.query
    assert runs.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in found.text


def test_a_token_that_is_refused_is_a_failure_that_names_the_audience_and_not_the_token(
    kfp: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))

    def refuse(request: Request) -> tuple[int, dict[str, Any]]:
        return 401, {"code": 16, "message": f"token {request.headers['authorization']} is for another audience"}

    kfp.paths[RUNS] = refuse
    found = doctor()
    assert found.code == 1
    assert found.level("kfp") == "ok"
    assert found.level("kfp namespace") == "failure"
    assert "'pipelines.kubeflow.org'" in found.of("kfp namespace")["text"]
    assert "Bearer ***" in found.of("kfp namespace")["text"]
    assert "KF_PIPELINES_SA_TOKEN_PATH" in found.of("kfp namespace")["remedy"]
    assert TOKEN not in found.text


def test_a_token_file_that_is_missing_is_named(
    kfp: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "absent"))
    found = doctor().of("kfp")
    assert found["level"] == "failure"
    assert "projected service account token" in found["remedy"]


def test_a_login_page_is_a_failure_that_names_the_endpoint_and_the_token(kfp: Api, doctor: Doctor) -> None:
    kfp.paths[KFP_HEALTH] = (200, "<!doctype html><title>Log in</title>")
    found = doctor()
    assert found.code == 1
    assert found.level("kfp") == "failure"
    assert "login page" in found.of("kfp")["text"]
    assert "KF_PIPELINES_ENDPOINT" in found.of("kfp")["text"]
