"""What deploy refuses before it writes anything, and what it says."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kfp_lifecycle.adapters import mlflow_connection
from kfp_lifecycle.core.errors import InputError

DIGEST = "a" * 64
GOOD = {"model_name": "churn", "version": "1", "uri": f"s3://models/churn/{DIGEST}", "digest": DIGEST}


def refused(parameter: str, said: str):
    return pytest.raises(InputError, match=rf"(?s)^{parameter}=.*{said}")


@pytest.mark.parametrize(
    ("parameter", "value", "said"),
    [
        ("service", "Churn", "a DNS label"),
        ("service", "churn_model", "a DNS label"),
        ("service", "1churn", "with a letter first"),
        ("service", "churn-", "no dash last"),
        ("service", "", "a DNS label"),
        ("service", "c" * 60, "has 79 of 63 characters.*Shorten it by 16"),
        ("model_name", "a/b", "letters, digits"),
        ("version", "latest", "the number of an MLflow version"),
        ("version", "0", "the number of an MLflow version"),
        ("digest", "abc", "64 lower-case hex digits"),
        ("canary_percent", 150, "a whole number from 1 to 99"),
        ("canary_percent", 100, "a whole number from 1 to 99"),
        ("canary_percent", 0, "a whole number from 1 to 99"),
        ("canary_percent", -1, "a whole number from 1 to 99"),
        ("canary_percent", 10.5, "a whole number from 1 to 99"),
        ("canary_percent", True, "a whole number from 1 to 99"),
        ("timeout_seconds", 0, "1 to 86400 seconds"),
        ("environment", "Prod", "lower-case"),
        ("approval", "Any", "one of none, any, annotation, tag"),
        ("approval_timeout_seconds", 700_000, "at most 604800"),
        ("deployment_mode", "Serverfull", "Standard or Knative"),
        ("spec_overrides", "{", "a JSON object"),
        ("spec_overrides", "[]", "a JSON object"),
        ("spec_overrides", '{"model": {"storageUri": "s3://x"}}', "no model.storageUri"),
        ("spec_overrides", '{"canaryTrafficPercent": 50}', "no canaryTrafficPercent"),
        ("spec_overrides", '{"predictor": {"minReplicas": 2}}', "the fields of a predictor, not predictor"),
        (
            "spec_overrides",
            '{"model": {"env": [{"name": "KFP_LIFECYCLE_MODEL_DIGEST", "value": "x"}]}}',
            "no model.env",
        ),
        ("spec_overrides", '{"minReplicas": 0}', "minReplicas of at least 1"),
        ("spec_overrides", '{"serviceAccountName": null}', "a value at serviceAccountName"),
        ("spec_overrides", '{"maxReplicas": 3}', "no maxReplicas in Standard mode"),
    ],
)
def test_an_argument_that_cannot_be(world, release, parameter, value, said):
    with refused(parameter, said):
        release(**{**GOOD, parameter: value})
    assert world.proxy.writes.seen == []


@pytest.mark.parametrize(
    "uri", ["/models/churn", "file:///models/churn", "mlflow-artifacts:/1/models", "models:/churn@champion"]
)
def test_a_local_path_or_an_alias_as_serve_uri_on_a_cluster_names_the_setting(world, release, monkeypatch, uri):
    monkeypatch.delenv("KFP_LIFECYCLE_SERVE_SCHEMES")
    with refused("uri", "Set KFP_LIFECYCLE_MODELS_SERVE_ROOT"):
        release(**{**GOOD, "uri": uri})
    assert world.proxy.writes.seen == []


def test_a_namespace_that_does_not_exist(world, release):
    with refused("namespace", "where this run has rights"):
        release(**GOOD, namespace="nowhere")


def test_a_namespace_that_does_not_exist_for_one_who_may_read_them_all(world, release):
    world.proxy.answer = lambda method, path: 404 if path.endswith("/namespaces/nowhere") else 0
    with refused("namespace", "a namespace that exists"):
        release(**GOOD, namespace="nowhere")


def test_no_cluster_at_all(release, world, monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with refused("KUBECONFIG", "the path of a kubeconfig file"):
        release(**GOOD)


def test_an_mlflow_server_that_does_not_answer(world, release, monkeypatch):
    monkeypatch.setattr(mlflow_connection, "PATIENCE", 0.5)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with refused("MLFLOW_TRACKING_URI", "an MLflow server that answers"):
        release(**GOOD)
    assert world.services() == []


def test_a_version_that_mlflow_does_not_know_or_knows_with_another_digest(world, registered, release):
    first, second = registered.version(), registered.version()
    with refused("version", "MLflow has no such version"):
        release(**{**first, "version": "7"})
    with refused("version", f"MLflow has digest {second['digest']}"):
        release(**{**first, "version": "2"})
    assert world.services() == []


def test_one_flipped_byte_at_the_uri(world, registered, release):
    first = registered.version()
    file = Path(urlsplit(first["uri"]).path) / "model.skops"
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    with refused("uri", "model.skops was changed"):
        release(**first)
    assert (world.services(), world.record()) == ([], None)


def test_a_model_that_is_not_there(world, registered, release):
    first = registered.version()
    with refused("uri", "a folder with checksums.json"):
        release(**{**first, "uri": first["uri"].replace(first["digest"], "0" * 64)})


def test_a_pvc_is_verified_through_the_root_that_steps_write_to(world, registered, release, monkeypatch, tmp_path):
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_SERVE_ROOT", "pvc://models/registry")
    first = registered.version()
    first["uri"] = f"pvc://models/registry/{registered.name}/{first['digest']}"
    assert release(**first)[0] == "first_release"
    assert world.live()["spec"]["predictor"]["model"]["storageUri"] == first["uri"]


def test_a_service_of_the_other_mode(world, registered, release):
    release(**registered.version(), deployment_mode="Knative")
    world.proxy.writes.seen.clear()
    with refused("deployment_mode", "Knative, the mode of the live service"):
        release(**registered.version(), deployment_mode="Standard")
    assert world.proxy.writes.seen == []


def test_the_live_services_mode_wins_over_the_setting(world, registered, release, monkeypatch):
    release(**registered.version(), deployment_mode="Knative")
    monkeypatch.setenv("KFP_LIFECYCLE_DEPLOYMENT_MODE", "Standard")
    assert release(**registered.version(), deployment_mode="")[0] == "canary"
    assert "canaryTrafficPercent" in world.live()["spec"]["predictor"]


def test_without_any_word_a_cluster_without_knative_is_standard(world, registered, release):
    release(**registered.version(), deployment_mode="")
    assert world.live()["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"


def test_a_service_that_somebody_else_made(world, registered, release):
    predictor = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://theirs"}}
    body = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": world.service}}
    world.call(
        "POST",
        "/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices",
        {**body, "spec": {"predictor": predictor}},
    )
    with refused("service", "nobody knows which version it serves"):
        release(**registered.version(), deployment_mode="")
    assert world.live()["spec"]["predictor"] == predictor


def test_a_service_of_another_model_or_environment(world, registered, release):
    first = registered.version()
    release(**first)
    registered.name = "another-model"
    with refused("model_name", "which the service serves"):
        release(**registered.version())
    with refused("environment", "'prod', the environment of this service's releases"):
        release(**first, environment="staging")


def test_an_override_that_the_api_does_not_know_is_refused_before_the_record_is_written(world, registered, release):
    with refused("spec_overrides", ".spec.predictor.serviceAcountName: field not declared in schema"):
        release(**registered.version(), spec_overrides='{"serviceAcountName": "typo"}')
    assert (world.services(), world.record()) == ([], None)


def test_a_damaged_record_says_what_to_do(world, registered, release):
    release(**registered.version())
    path = f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{world.service}"
    world.call("PATCH", path, {"data": {"record.json": "{"}}, "application/merge-patch+json")
    with pytest.raises(ValueError, match="the release record is damaged.*Delete its ConfigMap"):
        release(**registered.version())
