"""What does the doctor say of the ConfigMap and the Secret of the runs, and does it keep their values to itself?"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.cli.doctor.stand_in import Api, Doctor

CONFIG_MAP = "/api/v1/namespaces/team/configmaps/kfp-lifecycle"
SECRET = "/api/v1/namespaces/team/secrets/kfp-lifecycle"
SETTINGS = {"KFP_LIFECYCLE_MODELS_ROOT": "s3://models", "MLFLOW_TRACKING_URI": "http://mlflow:5000"}
PASSWORD = "correct-horse-battery-staple"


def secret(**keys: str) -> dict[str, Any]:
    data = {name: base64.b64encode(value.encode()).decode() for name, value in keys.items()}
    return {"metadata": {"name": "kfp-lifecycle"}, "data": data}


@pytest.fixture
def configured(kubernetes: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    kubernetes.paths[CONFIG_MAP] = {"metadata": {}, "data": dict(SETTINGS)}
    kubernetes.paths[SECRET] = secret(AWS_ACCESS_KEY_ID="AKIA-OF-THE-TEST", AWS_SECRET_ACCESS_KEY=PASSWORD)
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", SETTINGS["KFP_LIFECYCLE_MODELS_ROOT"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SETTINGS["MLFLOW_TRACKING_URI"])
    return kubernetes


def ask(doctor: Doctor) -> Any:
    """Only reading, and only for a moment: the bucket and the server of these settings do not exist."""
    return doctor("--read-only", "--timeout", "2")


def test_both_are_ok_and_no_value_is_printed(configured: Api, doctor: Doctor) -> None:
    found = ask(doctor)
    assert found.of("config map")["text"] == "ConfigMap 'kfp-lifecycle' in 'team' has 2 settings"
    assert found.of("secret")["text"].endswith("has AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")
    for value in (PASSWORD, "AKIA-OF-THE-TEST", base64.b64encode(PASSWORD.encode()).decode()):
        assert value not in found.text


def test_without_a_config_map_runs_have_no_settings(configured: Api, doctor: Doctor) -> None:
    del configured.paths[CONFIG_MAP]
    found = ask(doctor).of("config map")
    assert found["level"] == "failure"
    assert "kubectl apply --namespace team -f kserve/manifests/settings.yaml" in found["remedy"]


def test_missing_unknown_and_differing_keys_are_named(configured: Api, doctor: Doctor) -> None:
    data = {"KFP_LIFECYCLE_MODEL_ROOT": "s3://models", "KFP_LIFECYCLE_GATEWAY_DOMAIN": "models.test"}
    configured.paths[CONFIG_MAP] = {"metadata": {}, "data": data}
    root, mlflow, unknown, differing = ask(doctor).all_of("config map")
    assert (root["level"], root["text"].endswith("lacks KFP_LIFECYCLE_MODELS_ROOT")) == ("failure", True)
    assert "s3://models/kfp-lifecycle" in root["remedy"]
    assert (mlflow["level"], "MLflow plugin" in mlflow["remedy"]) == ("warning", True)
    assert "KFP_LIFECYCLE_MODEL_ROOT" in unknown["text"]
    assert "correct the spelling" in unknown["remedy"]
    assert "KFP_LIFECYCLE_GATEWAY_DOMAIN" in differing["text"]
    assert "models.test" not in differing["text"]
    assert "Export the ConfigMap's values" in differing["remedy"]


def test_a_secret_without_keys_for_the_bucket_is_a_warning(configured: Api, doctor: Doctor) -> None:
    configured.paths[SECRET] = secret(AWS_ACCESS_KEY_ID="AKIA-OF-THE-TEST", AWS_SECRET_ACCESS_KEY="")
    found = ask(doctor).of("secret")
    assert found["level"] == "warning"
    assert "lacks AWS_SECRET_ACCESS_KEY" in found["text"]
    assert "unless the runs' service account has a role" in found["remedy"]
    del configured.paths[SECRET]
    assert "does not exist" in ask(doctor).of("secret")["text"]


def test_a_misspelt_key_of_the_secret_is_named(configured: Api, doctor: Doctor) -> None:
    configured.paths[SECRET] = secret(AWS_ACCESS_KEY="AKIA-OF-THE-TEST")
    found = ask(doctor).of("secret")
    assert "AWS_ACCESS_KEY" in found["text"]
    assert "correct the spelling" in found["remedy"]


def test_no_secret_is_needed_for_a_mounted_models_root(
    configured: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    del configured.paths[SECRET]
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", "/mnt/models")
    assert ask(doctor).level("secret") == "ok"


def test_a_secret_that_may_not_be_read_cannot_be_told(configured: Api, doctor: Doctor) -> None:
    configured.paths[SECRET] = (403, {"kind": "Status", "message": "secrets is forbidden"})
    found = ask(doctor).of("secret")
    assert found["level"] == "warning"
    assert "may not read it (HTTP 403)" in found["text"]
