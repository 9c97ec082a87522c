"""Is the models root written, read, left clean, and readable by KServe? On a disk and on an S3 server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli.doctor.stand_in import Api, Doctor

from kfp_lifecycle.adapters.object_files import create, list_files
from kfp_lifecycle.cli.doctor_checks.storage_account import judge_account
from kfp_lifecycle.core.diagnosis import Level

CLAIM = "/api/v1/namespaces/team/persistentvolumeclaims/models"
ACCOUNT = "/api/v1/namespaces/team/serviceaccounts/default"


def test_a_folder_is_written_read_and_left_empty(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path / "models"))
    assert doctor().level("models root") == "ok"
    assert list((tmp_path / "models").iterdir()) == []


def test_without_one_the_failure_says_where_to_set_it(doctor: Doctor) -> None:
    found = doctor().of("models root")
    assert found["level"] == "failure"
    assert "Set the key KFP_LIFECYCLE_MODELS_ROOT in the ConfigMap 'kfp-lifecycle'" in found["remedy"]


def test_a_folder_that_cannot_be_written_fails(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path / "file" / "models"))
    found = doctor().of("models root")
    assert found["level"] == "failure"
    assert "a place that this step may write to" in found["text"]
    assert "Check the rights" in found["remedy"]


def test_reading_only_writes_nothing_and_says_so(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path / "models"))
    found = doctor("--read-only").of("models root")
    assert found["level"] == "warning"
    assert found["remedy"] == "Run the doctor without --read-only."
    assert not (tmp_path / "models").exists()


def test_a_bucket_is_written_read_and_left_as_it_was(doctor: Doctor, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create(f"{s3}/models/other", b"x")
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", f"{s3}/models")
    assert doctor().level("models root") == "ok"
    assert list_files(f"{s3}/models") == [f"{s3}/models/other"]


def test_a_bucket_that_does_not_exist_fails(doctor: Doctor, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", "s3://no-such-bucket/models")
    found = doctor().of("models root")
    assert found["level"] == "failure"
    assert "an existing bucket" in found["text"]


def test_a_probe_that_may_not_be_removed_is_named(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from kfp_lifecycle.adapters import object_probe

    def refuse(uri: str, parameter: str) -> None:
        raise PermissionError(f"may not remove {uri}")

    monkeypatch.setattr(object_probe, "remove", refuse)
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path))
    found = doctor().of("models root")
    assert found["level"] == "warning"
    [left] = tmp_path.glob(".kfp-lifecycle-doctor-*")
    assert found["remedy"].startswith(f"Remove {left} by hand")


def test_kserve_reads_no_path_of_this_machine(
    kubernetes: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path))
    found = doctor().of("models for kserve")
    assert found["level"] == "failure"
    assert "Set KFP_LIFECYCLE_MODELS_SERVE_ROOT" in found["remedy"]


def test_a_volume_claim_has_to_exist(
    kubernetes: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path))
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_SERVE_ROOT", "pvc://models/exports")
    found = doctor().of("models for kserve")
    assert (found["level"], found["text"]) == ("failure", "no PersistentVolumeClaim 'models' in 'team'")
    assert "correct KFP_LIFECYCLE_MODELS_SERVE_ROOT" in found["remedy"]
    kubernetes.paths[CLAIM] = {"metadata": {}}
    assert doctor().level("models for kserve") == "ok"
    kubernetes.paths[CLAIM] = (403, {"message": "no"})
    assert doctor().level("models for kserve") == "warning"


def test_the_predictors_account_needs_credentials_for_a_bucket(
    kubernetes: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path))
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_SERVE_ROOT", "s3://models")
    kubernetes.paths[ACCOUNT] = {"metadata": {"name": "default"}, "secrets": [{"name": "store"}, {"name": "gone"}]}
    found = doctor().of("models for kserve")
    assert found["level"] == "warning"
    assert "Name a Secret with the key AWS_ACCESS_KEY_ID" in found["remedy"]
    keys = {"AWS_ACCESS_KEY_ID": "QUtJQS1PRg=="}
    kubernetes.paths["/api/v1/namespaces/team/secrets/store"] = {"metadata": {"name": "store"}, "data": keys}
    found = doctor().of("models for kserve")
    assert found["text"] == "s3://models by Secret 'store' of service account 'default'"


@pytest.mark.parametrize(
    ("scheme", "account", "secrets", "own", "level", "named"),
    [
        ("s3", {"eks.amazonaws.com/role-arn": "arn:x"}, [], False, Level.OK, "by the role"),
        ("gs", {"iam.gke.io/gcp-service-account": "m@x"}, [], False, Level.OK, "by the role"),
        ("gs", {}, ["AWS_ACCESS_KEY_ID"], False, Level.WARNING, "gcloud-application-credentials.json"),
        ("gs", {}, ["gcloud-application-credentials.json"], True, Level.OK, "by Secret"),
        ("s3", {}, ["AWS_ACCESS_KEY_ID"], True, Level.WARNING, "does not say where the store is"),
    ],
)
def test_roles_and_secrets_of_each_cloud_are_known(
    scheme: str, account: dict[str, str], secrets: list[str], own: bool, level: Level, named: str
) -> None:
    found_account: dict[str, Any] = {"metadata": {"name": "default", "annotations": account}}
    found_secrets = [{"metadata": {"name": "s"}, "data": dict.fromkeys(secrets, "eA==")}]
    found = judge_account("m", f"{scheme}://m", scheme, found_account, found_secrets, own_endpoint=own)
    assert found.level is level
    assert named in found.text
