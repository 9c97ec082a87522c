"""May a run's service account get a token for the KFP API, and none of another account?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from kfp_lifecycle.adapters.kfp_errors import AUDIENCE
from kfp_lifecycle.local.kubernetes_api import Access, Server, Store, rules_from

FILE = Path(__file__).parents[2] / "kserve" / "manifests" / "kfp-token.yaml"
NAMES = ("default-editor", "pipeline-runner")


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))


def test_each_binding_gives_an_account_the_role_of_its_own_name() -> None:
    roles = {each["metadata"]["name"]: each for each in documents() if each["kind"] == "Role"}
    bindings = [each for each in documents() if each["kind"] == "RoleBinding"]
    assert len(bindings) == len(roles) == len(NAMES)
    for binding in bindings:
        [subject] = binding["subjects"]
        [rule] = roles[binding["roleRef"]["name"]]["rules"]
        assert (rule["resourceNames"], rule["verbs"]) == ([subject["name"]], ["create"])
        assert rule["resources"] == ["serviceaccounts/token"]


@pytest.mark.parametrize("own", NAMES)
def test_it_reaches_the_account_itself_and_no_other(tmp_path: Path, own: str) -> None:
    [role] = [each for each in documents() if each["kind"] == "Role" and each["metadata"]["name"].endswith(own)]
    access = Access(b"x" * 32)
    user = f"system:serviceaccount:team:{own}"
    access.add_admin("admin")
    access.add_token("steps", user)
    access.bind(user, rules_from([role]), "team")
    with Server(Store(tmp_path / "kubernetes.sqlite"), access) as server:
        admin = client.ApiClient(client.Configuration(host=server.url, api_key={"authorization": "Bearer admin"}))
        client.CoreV1Api(admin).create_namespace({"metadata": {"name": "team"}})
        steps = client.ApiClient(client.Configuration(host=server.url, api_key={"authorization": "Bearer steps"}))
        asked = {"spec": {"audiences": [AUDIENCE], "expirationSeconds": 3600}}
        api = client.CoreV1Api(steps)
        assert api.create_namespaced_service_account_token(own, "team", asked).status.token
        for other in ("admin", *(name for name in NAMES if name != own)):
            with pytest.raises(client.ApiException) as refused:
                api.create_namespaced_service_account_token(other, "team", asked)
            assert refused.value.status == 403
