"""Is a container's log handed through as it was asked for?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from kubernetes import client

from kfp_lifecycle.local.kubernetes_api import Access, Server, Store

ASKED: list[tuple[str, str, str, int | None, bool]] = []


async def log(namespace: str, pod: str, container: str, tail: int | None, follow: bool) -> AsyncIterator[bytes]:
    ASKED.append((namespace, pod, container, tail, follow))
    for chunk in (b"first\n", b"second\n"):
        yield chunk


@pytest.fixture
def pods(store: Store, access: Access) -> Iterator[client.CoreV1Api]:
    ASKED.clear()
    with Server(store, access, logs=log) as server:
        token = {"authorization": "Bearer admin-token"}
        api = client.CoreV1Api(client.ApiClient(client.Configuration(host=server.url, api_key=token)))
        api.create_namespace({"metadata": {"name": "team"}})
        for name, containers in (("one", ["kserve-container"]), ("two", ["a", "b"])):
            spec = {"containers": [{"name": container} for container in containers]}
            api.create_namespaced_pod("team", {"metadata": {"name": name}, "spec": spec})
        yield api


def test_the_reader_is_asked_for_what_the_client_asked_for(pods: client.CoreV1Api) -> None:
    assert pods.read_namespaced_pod_log("one", "team") == "first\nsecond\n"
    pods.read_namespaced_pod_log("two", "team", container="b", tail_lines=5, follow=True)
    assert ASKED == [("team", "one", "kserve-container", None, False), ("team", "two", "b", 5, True)]
    assert pods.read_namespaced_pod_log("one", "team", limit_bytes=8) == "first\nse"


@pytest.mark.parametrize(
    ("pod", "options", "status"),
    [
        ("none", {}, 404),
        ("two", {}, 400),
        ("two", {"container": "c"}, 400),
        ("one", {"previous": True}, 501),
        ("one", {"since_seconds": 5}, 501),
    ],
)
def test_what_cannot_be_read_is_refused(
    pods: client.CoreV1Api, pod: str, options: dict[str, object], status: int
) -> None:
    with pytest.raises(client.ApiException) as refused:
        pods.read_namespaced_pod_log(pod, "team", **options)
    assert refused.value.status == status and not ASKED


def test_without_somebody_who_has_logs_there_are_none(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod("team", {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c"}]}})
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_pod_log("x", "team")
    assert refused.value.status == 501
