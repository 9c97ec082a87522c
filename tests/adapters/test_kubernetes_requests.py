"""Which answers of the Kubernetes API are tried again, and what the others mean."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.adapters import inference_services, kubernetes_connection, kubernetes_errors, kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_objects import CONFIG_MAPS, INFERENCE_SERVICES
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inference_service import Mode

SERVICE = {"metadata": {"name": "churn", "namespace": "team", "resourceVersion": "5"}, "kind": "InferenceService"}


class Api:
    """Answers as told, the last answer for ever; a status below 0 cuts the connection."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, SERVICE)]
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path))
                status, body = outer.answers[min(len(outer.asked), len(outer.answers)) - 1]
                if status < 0:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = handle_any

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def status(code: int, message: str = "no", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "message": message, "code": code, "details": details}


def kubeconfig(folder: Path, url: str) -> str:
    file = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}}],
    }
    file.write_text(yaml.safe_dump(content))
    return str(file)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    made = Api()
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, f"http://127.0.0.1:{made.server.server_address[1]}"))
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def connection(api: Api) -> Any:
    return kubernetes_connection.connect()


def test_connecting_asks_the_server_for_nothing(api, connection):
    assert api.asked == []


@pytest.mark.parametrize("failure", [500, 502, 503, 504, 429, -1])
def test_two_failures_that_pass_are_not_seen(api, connection, failure):
    api.answers = [(failure, status(failure)), (failure, "proxy says no"), (200, SERVICE)]
    assert kubernetes_objects.get(connection, INFERENCE_SERVICES, "churn", "team") == SERVICE
    assert len(api.asked) == 3


@pytest.mark.parametrize("failure", [500, -1])
def test_a_write_is_tried_again_too_because_its_condition_makes_that_safe(api, connection, failure):
    api.answers = [(failure, status(failure)), (failure, status(failure)), (200, SERVICE)]
    assert kubernetes_objects.apply(connection, INFERENCE_SERVICES, SERVICE, "kfp-lifecycle") == SERVICE
    path = "/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/churn?fieldManager=kfp-lifecycle"
    assert api.asked == [("PATCH", path)] * 3


@pytest.mark.parametrize("code", [400, 401, 403, 409, 422])
def test_a_refusal_is_not_tried_again(api, connection, code):
    api.answers = [(code, status(code))]
    with pytest.raises(kubernetes_errors.KubernetesError):
        kubernetes_objects.replace(connection, CONFIG_MAPS, SERVICE)
    assert len(api.asked) == 1


def test_a_server_that_keeps_failing_is_an_error_after_a_bounded_number_of_tries(api, connection, monkeypatch):
    monkeypatch.setattr(kubernetes_connection, "_backoff", lambda state: 0.0)
    api.answers = [(503, status(503, "etcd is down"))]
    with pytest.raises(kubernetes_errors.KubernetesError, match="cannot get inferenceservices.*etcd is down"):
        kubernetes_objects.get(connection, INFERENCE_SERVICES, "churn", "team")
    assert len(api.asked) == 6


def test_a_server_that_says_when_to_come_again_is_not_asked_before(api, connection, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    api.headers, api.answers = {"Retry-After": "7"}, [(429, status(429)), (200, SERVICE)]
    kubernetes_objects.get(connection, INFERENCE_SERVICES, "churn", "team")
    assert 7 <= waits[0] <= 13


def test_nobody_listening_names_the_kubeconfig(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, "http://127.0.0.1:9"))
    monkeypatch.setattr(kubernetes_connection, "_backoff", lambda state: 0.0)
    with pytest.raises(kubernetes_errors.KubernetesError, match="does not answer.*Check the kubeconfig"):
        kubernetes_objects.get(kubernetes_connection.connect(), INFERENCE_SERVICES, "churn", "team")


def test_a_missing_right_names_verb_resource_and_the_role_to_apply(api, connection):
    api.answers = [(403, status(403, 'User "x" cannot patch resource "inferenceservices"'))]
    with pytest.raises(kubernetes_errors.Forbidden) as raised:
        kubernetes_objects.apply(connection, INFERENCE_SERVICES, SERVICE, "kfp-lifecycle")
    said = str(raised.value)
    assert "refused to patch inferenceservices.serving.kserve.io in namespace 'team'" in said
    assert "kserve/manifests/role.yaml" in said
    assert "the verb 'patch'" in said


def test_a_webhook_that_says_no_is_not_taken_for_a_missing_right(api, connection):
    api.answers = [(403, status(403, 'admission webhook "v" denied the request: minReplicas'))]
    with pytest.raises(kubernetes_errors.Invalid, match="denied the request: minReplicas"):
        kubernetes_objects.apply(connection, INFERENCE_SERVICES, SERVICE, "kfp-lifecycle")


def test_an_unknown_field_is_answered_by_500_and_no_retry_would_help(api, connection):
    api.answers = [(500, status(500, "failed to create typed patch object (team/churn): .spec.x: field not declared"))]
    with pytest.raises(kubernetes_errors.Invalid, match="field not declared"):
        kubernetes_objects.apply(connection, INFERENCE_SERVICES, SERVICE, "kfp-lifecycle")
    assert len(api.asked) == 1


def test_another_managers_field_is_told_apart_from_a_newer_version(api, connection):
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "bob"', "field": ".spec.predictor"}
    api.answers = [(409, status(409, "Apply failed with 1 conflict", causes=[cause])), (409, status(409, "modified"))]
    with pytest.raises(kubernetes_errors.FieldConflict, match="Another writer owns these fields"):
        kubernetes_objects.apply(connection, INFERENCE_SERVICES, SERVICE, "kfp-lifecycle")
    with pytest.raises(kubernetes_errors.Conflict, match="modified"):
        kubernetes_objects.apply(connection, INFERENCE_SERVICES, SERVICE, "kfp-lifecycle")


def test_what_does_not_exist_is_none(api, connection):
    api.answers = [(404, status(404))]
    assert kubernetes_objects.get(connection, INFERENCE_SERVICES, "churn", "team") is None


def test_following_survives_cut_watches_and_versions_that_are_gone(api, connection):
    changed = {**SERVICE, "spec": {"changed": True}}
    gone = json.dumps({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}) + "\n"
    event = json.dumps({"type": "MODIFIED", "object": changed}) + "\n"
    api.answers = [
        (200, SERVICE), (200, gone), (200, SERVICE), (-1, ""), (200, SERVICE), (503, ""), (200, SERVICE), (200, event),
    ]  # fmt: skip
    seen = []
    for each in kubernetes_objects.follow(connection, INFERENCE_SERVICES, "churn", "team", 60):
        seen.append(each)
        if each == changed:
            break
    assert seen == [SERVICE, SERVICE, SERVICE, SERVICE, changed]
    watches = [path for _, path in api.asked if "watch=True" in path]
    assert len(watches) == 4
    assert all("resourceVersion=5" in path and "fieldSelector=metadata.name%3Dchurn" in path for path in watches)


def test_following_ends_at_its_deadline_with_a_last_look(api, connection):
    api.answers = [(200, SERVICE), (200, "")] * 4
    assert len(list(kubernetes_objects.follow(connection, INFERENCE_SERVICES, "churn", "team", 0.6))) >= 2


def test_following_without_the_right_to_watch_says_so(api, connection):
    api.answers = [(200, SERVICE), (403, status(403, "cannot watch"))]
    with pytest.raises(kubernetes_errors.Forbidden, match="refused to watch inferenceservices"):
        list(kubernetes_objects.follow(connection, INFERENCE_SERVICES, "churn", "team", 5))


@pytest.mark.parametrize(("groups", "mode"), [(["serving.knative.dev"], Mode.KNATIVE), (["apps"], Mode.STANDARD)])
def test_a_cluster_with_knatives_api_runs_knative(api, connection, groups, mode):
    api.answers = [(200, {"groups": [{"name": name} for name in groups]})]
    assert inference_services.find_mode(connection) is mode


def test_the_namespace_of_the_context_is_ones_own(api):
    assert kubernetes_connection.own_namespace() == "team-a"


def test_a_kubeconfig_that_does_not_exist_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(InputError, match="^KUBECONFIG="):
        kubernetes_connection.connect()
