"""Does a watch miss nothing, follow its selector, and wait without asking?"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client

from kfp_lifecycle.local.kubernetes_api import Store
from kfp_lifecycle.local.kubernetes_api import history as histories
from kfp_lifecycle.local.kubernetes_api.resources import CONFIG_MAP
from kfp_lifecycle.local.kubernetes_api.store import Decision, Key
from kfp_lifecycle.local.kubernetes_api.watches import watch

Put = Callable[..., dict[str, Any]]


@pytest.fixture
def put(store: Store) -> Iterator[Put]:
    """Writes a ConfigMap past the API."""

    def written(name: str, namespace: str = "team", **labels: str) -> dict[str, Any]:
        body = {"metadata": {"name": name, "namespace": namespace, "labels": labels}}
        return store.change(Key("configmaps", namespace, name), lambda _: Decision("put", body))

    yield written
    store.close()


def removed(store: Store, name: str) -> None:
    store.change(Key("configmaps", "team", name), lambda live: Decision("remove", live or {}))


async def read(store: Store, count: int, query: dict[str, str], then: Callable[[], None] = lambda: None) -> list[Any]:
    """The first events of a watch; `then` is called once the watch waits."""
    response = watch(store, CONFIG_MAP, "team", query, "json")
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, then)
    events: list[Any] = []
    async for line in response.body_iterator:  # type: ignore[attr-defined]
        events.append(json.loads(line))
        if len(events) >= count:
            break
    return events


def names(events: list[Any]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


def test_changes_between_the_list_and_the_watch_are_not_missed(store: Store, put: Put) -> None:
    start = str(store.version)
    put("a")
    put("b")
    removed(store, "a")
    events = asyncio.run(read(store, 4, {"resourceVersion": start}, lambda: put("c") and None))
    assert names(events) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a"), ("ADDED", "c")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))


def test_an_object_enters_and_leaves_what_is_selected(store: Store, put: Put) -> None:
    start = str(store.version)
    for color in ("red", "blue", "blue", "red"):
        put("a", color=color)
    query = {"resourceVersion": start, "labelSelector": "color=blue"}
    events = asyncio.run(read(store, 3, query))
    assert names(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert events[-1]["object"]["metadata"]["labels"] == {"color": "blue"}


def test_other_namespaces_and_kinds_are_not_seen(store: Store, put: Put) -> None:
    start = str(store.version)
    put("a", namespace="other")
    lease = {"metadata": {"name": "a", "namespace": "team"}}
    store.change(Key("leases.coordination.k8s.io", "team", "a"), lambda _: Decision("put", lease))
    assert names(asyncio.run(read(store, 1, {"resourceVersion": start}, lambda: put("b") and None))) == [("ADDED", "b")]


def test_writers_in_other_threads_wake_a_watch_and_no_event_is_lost_or_doubled(store: Store, put: Put) -> None:
    def write(writer: int) -> None:
        for i in range(50):
            put(f"w{writer}-{i}")

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]

    def start() -> None:
        for thread in writers:
            thread.start()

    events = asyncio.run(read(store, 200, {"resourceVersion": str(store.version)}, start))
    for thread in writers:
        thread.join()
    assert len({name for _, name in names(events)}) == 200
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(versions)


def test_a_waiting_watch_asks_the_database_nothing(store: Store, put: Put) -> None:
    put("a")
    asked: list[str] = []

    def trace() -> None:
        store._db.set_trace_callback(asked.append)

    async def waiting() -> list[Any]:
        return await read(store, 9, {"timeoutSeconds": "1"}, trace)

    assert names(asyncio.run(waiting())) == [("ADDED", "a")]
    assert asked == []


def test_a_watch_that_fell_behind_is_told_so(store: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "EVENTS_KEPT", 3)
    start = str(store.version)
    for i in range(5):
        put(f"c{i}")
    [event] = asyncio.run(read(store, 2, {"resourceVersion": start}))
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_after_a_restart_a_watch_goes_on_where_it_was_or_is_told_that_it_cannot(store: Store, put: Put) -> None:
    before = put("a")["metadata"]["resourceVersion"]
    last = put("b")["metadata"]["resourceVersion"]
    path = store._db.execute("PRAGMA database_list").fetchone()[2]
    store.close()
    again = Store(path)
    [event] = asyncio.run(read(again, 1, {"resourceVersion": before}))
    assert event["type"] == "ERROR" and event["object"]["code"] == 410
    key = Key("configmaps", "team", "c")

    def write() -> None:
        again.change(key, lambda _: Decision("put", {"metadata": {"name": "c", "namespace": "team"}}))

    assert names(asyncio.run(read(again, 1, {"resourceVersion": last}, write))) == [("ADDED", "c")]
    again.close()


def test_the_end_of_the_store_ends_a_watch(store: Store, put: Put) -> None:
    assert asyncio.run(read(store, 1, {}, store.history.close)) == []


def test_pages_hold_everything_once_and_a_list_that_changed_meanwhile_is_refused(core: client.CoreV1Api) -> None:
    for i in range(5):
        core.create_namespaced_config_map("team", {"metadata": {"name": f"c{i}"}})
    seen, token = [], None
    while token != "":
        page = core.list_namespaced_config_map("team", limit=2, _continue=token)
        seen += [item.metadata.name for item in page.items]
        token = page.metadata._continue or ""
    assert seen == [f"c{i}" for i in range(5)]
    first = core.list_namespaced_config_map("team", limit=2)
    assert first.metadata.remaining_item_count == 3
    core.delete_namespaced_config_map("c3", "team")
    with pytest.raises(client.ApiException) as stale:
        core.list_namespaced_config_map("team", limit=2, _continue=first.metadata._continue)
    assert stale.value.status == 410
