"""Are the rules of a Role enforced, and does a refusal name user, verb, resource and namespace?"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from kubernetes import client, dynamic

from kfp_lifecycle.local.kubernetes_api import Access, rules_from

WHERE = ("serving.kserve.io", "v1beta1", "team", "inferenceservices")
ACCOUNT = "system:serviceaccount:team:default-editor"
Connect = Callable[..., client.ApiClient]
ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: steps}
rules:
- {apiGroups: [serving.kserve.io], resources: [inferenceservices], verbs: [get, patch]}
- {apiGroups: [""], resources: [configmaps], verbs: [get, create], resourceNames: [record]}
- {apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]}
---
apiVersion: v1
kind: ConfigMap
"""


@pytest.fixture(autouse=True)
def steps(access: Access) -> str:
    """A token that is bound to the Role above in the namespace `team`."""
    access.add_token("steps-token", ACCOUNT)
    access.bind(ACCOUNT, rules_from(yaml.safe_load_all(ROLE)), "team")
    return "steps-token"


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(client.ApiException) as refused:
        call()
    assert refused.value.status == 403
    return str(json.loads(refused.value.body)["message"])


def test_a_verb_that_the_role_lacks_is_a_403_in_the_words_of_the_real_server(connect: Connect) -> None:
    custom = client.CustomObjectsApi(connect("steps-token"))
    assert refusal(lambda: custom.delete_namespaced_custom_object(*WHERE, "flights")) == (
        f'inferenceservices.serving.kserve.io "flights" is forbidden: User "{ACCOUNT}" cannot delete resource '
        '"inferenceservices" in API group "serving.kserve.io" in the namespace "team"'
    )
    status = refusal(lambda: custom.patch_namespaced_custom_object_status(*WHERE, "flights", {}))
    assert 'cannot patch resource "inferenceservices/status"' in status
    assert "at the cluster scope" in refusal(lambda: client.CoreV1Api(connect("steps-token")).list_namespace())


def test_a_role_holds_in_its_namespace_only(connect: Connect) -> None:
    custom = client.CustomObjectsApi(connect("steps-token"))
    with pytest.raises(client.ApiException) as absent:
        custom.get_namespaced_custom_object(*WHERE, "flights")
    assert absent.value.status == 404
    assert 'in the namespace "other"' in refusal(
        lambda: custom.get_namespaced_custom_object(WHERE[0], WHERE[1], "other", WHERE[3], "flights")
    )


def test_an_apply_that_creates_needs_the_verb_create_too(
    connect: Connect, custom: client.CustomObjectsApi, service: dict[str, Any]
) -> None:
    api = dynamic.DynamicClient(connect("steps-token"))
    kind = api.resources.get(api_version="serving.kserve.io/v1beta1", kind="InferenceService")

    def apply() -> Any:
        return api.server_side_apply(kind, body=service, namespace="team", field_manager="kfp-lifecycle")

    assert 'cannot create resource "inferenceservices"' in refusal(apply)
    custom.create_namespaced_custom_object(*WHERE, service)
    assert apply().metadata.name == "flights"


def test_resource_names_narrow_a_rule(connect: Connect, core: client.CoreV1Api) -> None:
    for name in ("record", "other"):
        core.create_namespaced_config_map("team", {"metadata": {"name": name}})
    limited = client.CoreV1Api(connect("steps-token"))
    assert limited.read_namespaced_config_map("record", "team").metadata.name == "record"
    assert 'configmaps "other" is forbidden' in refusal(lambda: limited.read_namespaced_config_map("other", "team"))


def test_a_review_answers_what_the_server_would_do(connect: Connect) -> None:
    reviews = client.AuthorizationV1Api(connect("steps-token"))

    def allowed(verb: str) -> bool:
        asked = {"verb": verb, "group": "serving.kserve.io", "resource": "inferenceservices", "namespace": "team"}
        found = reviews.create_self_subject_access_review({"spec": {"resourceAttributes": asked}})
        return bool(found.status.allowed)

    assert allowed("patch") and not allowed("delete")


def test_an_unknown_token_is_401_and_no_token_is_anonymous(connect: Connect) -> None:
    with pytest.raises(client.ApiException) as unknown:
        client.CoreV1Api(connect("guessed")).list_namespaced_config_map("team")
    assert unknown.value.status == 401
    anonymous = connect()
    anonymous.configuration.api_key = {}
    message = refusal(lambda: client.CoreV1Api(anonymous).list_namespaced_config_map("team"))
    assert 'User "system:anonymous" cannot list' in message


def test_a_requested_token_stands_for_its_account_and_only_for_its_audience(connect: Connect, access: Access) -> None:
    api = client.CoreV1Api(connect("steps-token"))

    def token(**spec: Any) -> str:
        body = {"spec": {"audiences": None, **spec}}
        return str(api.create_namespaced_service_account_token("default-editor", "team", body).status.token)

    user = access.user_of(token())
    assert user is not None and user.name == ACCOUNT
    assert client.CustomObjectsApi(connect(token())).get_namespaced_custom_object
    other = token(audiences=["pipelines.kubeflow.org"])
    assert access.user_of(other) is None
    assert access.user_of(other, "pipelines.kubeflow.org") == user
    assert access.user_of(token()[:-4] + "AAAA") is None
    with pytest.raises(client.ApiException) as short:
        token(expirationSeconds=5)
    assert short.value.status == 422
    with pytest.raises(client.ApiException) as nobody:
        api.create_namespaced_service_account_token("nobody", "team", {"spec": {"audiences": []}})
    assert nobody.value.status == 404


def test_a_token_survives_a_restart_only_with_the_key_that_was_kept() -> None:
    token, _ = Access(b"kept" * 8).issue(ACCOUNT, [], 600)
    assert Access(b"kept" * 8).user_of(token) is not None
    assert Access().user_of(token) is None
    expired, _ = Access(b"kept" * 8).issue(ACCOUNT, [], -1)
    assert Access(b"kept" * 8).user_of(expired) is None
