"""What does the doctor say of Kubernetes, its KServe, and the rights of a run? By a stand-in with real shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.doctor.stand_in import (
    CONFIG,
    CONTROLLER,
    KSERVE,
    REVIEWS,
    Api,
    Doctor,
    Request,
    kserve_config,
    resources,
    write_kubeconfig,
)

from kfp_lifecycle.cli.doctor_checks.kubernetes import shipped_role
from kfp_lifecycle.local.ports import free_port

SERVICES = f"{KSERVE}/namespaces/team/inferenceservices"
RUNTIME = "/apis/serving.kserve.io/v1alpha1/namespaces/team/servingruntimes/kfp-lifecycle-serve"
ALL = ("kubernetes", "namespace", "rights", "kserve", "kserve version", "kserve settings", "serving runtime", "canary")


def refusal(status: int, message: str) -> tuple[int, dict[str, Any]]:
    return status, {"kind": "Status", "status": "Failure", "code": status, "message": message}


def test_a_cluster_that_has_all_is_ok(kubernetes: Api, doctor: Doctor) -> None:
    found = doctor()
    assert {name: found.level(name) for name in ALL} == dict.fromkeys(ALL, "ok")
    assert "v1.36.0" in found.of("kubernetes")["text"]
    assert found.of("canary")["text"].startswith("Standard mode")
    [rehearsal] = [each for each in kubernetes.asked if each.path == SERVICES]
    assert (rehearsal.method, rehearsal.query) == ("POST", "fieldValidation=Strict&dryRun=All")


def test_a_cluster_that_is_away_is_one_failure_and_the_rest_waits_for_it(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "away", f"http://127.0.0.1:{free_port()}")))
    found = doctor()
    assert found.code == 1
    assert found.level("kubernetes") == "failure"
    assert "does not answer" in found.of("kubernetes")["text"]
    assert "kubeconfig's address" in found.of("kubernetes")["remedy"]
    assert found.of("canary")["remedy"] == "Repair 'kserve' first."
    assert found.of("rights")["level"] == "warning"


def test_a_kubeconfig_that_is_none_is_named_with_its_fix(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    found = doctor().of("kubernetes")
    assert found["level"] == "failure"
    assert "absent" in found["text"]
    assert found["remedy"].startswith("Set KUBECONFIG")


def test_a_namespace_that_is_missing_fails(kubernetes: Api, doctor: Doctor) -> None:
    del kubernetes.paths["/api/v1/namespaces/team"]
    found = doctor().of("namespace")
    assert (found["level"], found["text"]) == ("failure", "'team' does not exist")
    assert "kubectl create namespace team" in found["remedy"]


def test_each_missing_right_is_named_by_verb_and_resource(kubernetes: Api, doctor: Doctor) -> None:
    def review(request: Request) -> tuple[int, dict[str, Any]]:
        asked = request.body["spec"]["resourceAttributes"]
        lacks = (asked["verb"], asked["resource"], asked["subresource"]) in (
            ("patch", "inferenceservices", ""),
            ("get", "pods", "log"),
        )
        return 201, {"status": {"allowed": not lacks}}

    kubernetes.paths[REVIEWS] = review
    found = doctor().of("rights")
    assert found["level"] == "failure"
    assert found["text"].endswith("lacks in 'team': get pods/log, patch inferenceservices.serving.kserve.io")
    assert "kubectl apply --namespace team -f kserve/manifests/role.yaml" in found["remedy"]


def test_every_rule_of_the_role_is_asked_in_the_namespace(kubernetes: Api, doctor: Doctor) -> None:
    doctor()
    asked = {
        (each["verb"], each["group"], "/".join(filter(None, (each["resource"], each["subresource"]))))
        for each in (r.body["spec"]["resourceAttributes"] for r in kubernetes.asked if r.path == REVIEWS)
        if each["namespace"] == "team"
    }
    wanted = {
        (verb, group, resource)
        for rule in shipped_role()["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert asked == wanted


def test_the_rights_of_a_service_account_are_asked_in_its_name(kubernetes: Api, doctor: Doctor) -> None:
    assert "service account 'team:pipeline-runner' has all" in doctor("--service-account", "pipeline-runner").text
    users = {each.headers.get("Impersonate-User") for each in kubernetes.asked if each.path == REVIEWS}
    assert users == {"system:serviceaccount:team:pipeline-runner"}
    kubernetes.paths[REVIEWS] = refusal(403, 'users "x" is forbidden: cannot impersonate')
    found = doctor("--service-account", "pipeline-runner").of("rights")
    assert found["level"] == "warning"
    assert "--kubeconfig" in found["remedy"]


def test_a_cluster_without_kserve_fails_once(kubernetes: Api, doctor: Doctor) -> None:
    del kubernetes.paths[KSERVE]
    found = doctor()
    assert found.level("kserve") == "failure"
    assert "Install KServe 0.21" in found.of("kserve")["remedy"]
    assert found.of("canary")["text"] == "not checked, as 'kserve' failed"


@pytest.mark.parametrize(("image", "level"), [("v0.20.1", "warning"), ("latest", "warning"), ("v0.22.0", "ok")])
def test_the_version_is_that_of_the_controllers_image(kubernetes: Api, doctor: Doctor, image: str, level: str) -> None:
    containers = [{"image": f"kserve/kserve-controller:{image}"}]
    kubernetes.paths[CONTROLLER] = {"spec": {"template": {"spec": {"containers": containers}}}}
    kubernetes.paths[CONFIG] = kserve_config(storageInitializer={})
    found = doctor()
    assert found.level("kserve version") == level
    assert found.level("canary") == ("failure" if image == "v0.20.1" else "ok")


def test_where_the_controller_may_not_be_read_the_configs_images_tell_the_version(
    kubernetes: Api, doctor: Doctor
) -> None:
    kubernetes.paths[CONTROLLER] = refusal(403, "no")
    assert doctor().of("kserve version")["text"] == "0.21 by the images in inferenceservice-config"
    kubernetes.paths[CONFIG] = kserve_config(storageInitializer={"image": "x@sha256:1"})
    found = doctor().of("kserve version")
    assert found["level"] == "warning"
    assert "may not read it (HTTP 403)" in found["text"]


def test_kserve_in_another_namespace_is_found_when_it_is_named(kubernetes: Api, doctor: Doctor) -> None:
    kubernetes.paths[CONFIG.replace("/kserve/", "/models/")] = kubernetes.paths.pop(CONFIG)
    missing = doctor().of("kserve settings")
    assert missing["level"] == "warning"
    assert "--kserve-namespace" in missing["remedy"]
    assert doctor("--kserve-namespace", "models").level("kserve settings") == "ok"


def test_kserves_settings_are_held_against_ours(
    kubernetes: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubernetes.paths[CONFIG] = kserve_config(
        inferenceService={}, ingress={"ingressDomain": "models.test", "enableGatewayApi": False}
    )
    found = doctor()
    annotation, domain = found.all_of("kserve settings")
    assert annotation["level"] == "warning"
    assert "kfp-lifecycle/champion-version" in annotation["text"]
    assert "Add it to the list" in annotation["remedy"]
    assert domain["level"] == "failure"
    assert "Set KFP_LIFECYCLE_GATEWAY_DOMAIN to 'models.test'" in domain["remedy"]
    assert "enableGatewayApi to true" in found.of("canary")["remedy"]
    monkeypatch.setenv("KFP_LIFECYCLE_DEPLOYMENT_MODE", "Knative")
    _, domain = doctor().all_of("kserve settings")
    assert domain["level"] == "warning"
    assert "config-domain" in domain["remedy"]


def test_the_runtime_may_be_of_the_namespace_or_of_the_cluster(kubernetes: Api, doctor: Doctor) -> None:
    del kubernetes.paths[RUNTIME]
    found = doctor().of("serving runtime")
    assert found["level"] == "failure"
    assert "kserve/manifests/servingruntime.yaml" in found["remedy"]
    kubernetes.paths["/apis/serving.kserve.io/v1alpha1/clusterservingruntimes/kfp-lifecycle-serve"] = {"metadata": {}}
    assert doctor().of("serving runtime")["text"].startswith("ClusterServingRuntime")


def test_without_httproutes_a_standard_canary_fails(kubernetes: Api, doctor: Doctor) -> None:
    kubernetes.paths["/apis/gateway.networking.k8s.io/v1"] = resources("gateways")
    found = doctor()
    assert found.level("gateway api") == found.level("canary") == "failure"
    assert "Install the Gateway API" in found.of("gateway api")["remedy"]


def test_in_knative_mode_no_httproute_is_needed(
    kubernetes: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    del kubernetes.paths["/apis/gateway.networking.k8s.io/v1"]
    monkeypatch.setenv("KFP_LIFECYCLE_DEPLOYMENT_MODE", "Serverless")
    found = doctor()
    assert found.level("gateway api") == "ok"
    assert "Install Knative Serving" in found.of("canary")["remedy"]
    kubernetes.paths["/apis/serving.knative.dev/v1"] = resources("services")
    assert doctor().of("canary")["text"].startswith("Knative mode")
    monkeypatch.delenv("KFP_LIFECYCLE_DEPLOYMENT_MODE")
    assert doctor().of("canary")["text"].startswith("Knative mode")


def test_a_crd_without_the_field_and_a_policy_that_says_no_are_told_apart(kubernetes: Api, doctor: Doctor) -> None:
    strict = (
        'InferenceService in version "v1beta1" cannot be handled: strict decoding error: unknown field "spec.canary"'
    )
    kubernetes.paths[SERVICES] = refusal(400, strict)
    found = doctor().of("canary")
    assert found["level"] == "failure"
    assert "CRDs included" in found["remedy"]
    kubernetes.paths[SERVICES] = refusal(403, 'admission webhook "policy" denied the request: no label team')
    found = doctor().of("canary")
    assert found["level"] == "warning"
    assert "no label team" in found["text"]


def test_a_run_that_may_not_read_leaves_warnings_which_an_administrators_kubeconfig_clears(
    kubernetes: Api, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = Api(dict(kubernetes.paths))
    stop = limited.start()
    for path in (CONFIG, CONTROLLER, RUNTIME, "/api/v1/namespaces/team", SERVICES):
        limited.paths[path] = refusal(403, "forbidden")
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "limited", limited.url)))
    alone = doctor()
    for name in ("namespace", "kserve version", "kserve settings", "serving runtime", "canary"):
        assert alone.level(name) == "warning", name
        assert "--kubeconfig FILE of an administrator" in alone.of(name)["remedy"]
    with_help = doctor("--kubeconfig", str(tmp_path / "kubeconfig"))
    assert {with_help.level(name) for name in ALL} == {"ok"}
    stop()


def test_answers_of_the_wrong_shape_are_failures_with_their_type(kubernetes: Api, doctor: Doctor) -> None:
    kubernetes.paths[KSERVE] = "[]"
    found = doctor().of("kserve")
    assert found["level"] == "failure"
    assert found["text"].startswith("AttributeError: ")
    kubernetes.paths[KSERVE] = "no json"
    assert doctor().of("kserve")["text"].startswith("JSONDecodeError: ")
    assert json.loads(doctor().text)["counts"]["failure"] >= 1
