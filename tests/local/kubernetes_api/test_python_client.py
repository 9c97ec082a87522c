"""Do the official Python client's ordinary calls work?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client, dynamic, watch

WHERE = ("serving.kserve.io", "v1beta1", "team", "inferenceservices")
Connect = Callable[..., client.ApiClient]
Service = dict[str, Any]


def applied(connect: Connect, manager: str, body: Service, **options: Any) -> Any:
    api = dynamic.DynamicClient(connect())
    kind = api.resources.get(api_version=body["apiVersion"], kind=body["kind"])
    return api.server_side_apply(kind, body=body, namespace="team", field_manager=manager, **options).to_dict()


def test_an_inference_service_is_created_read_changed_and_deleted(
    custom: client.CustomObjectsApi, service: Service
) -> None:
    made = custom.create_namespaced_custom_object(*WHERE, service)
    read = custom.get_namespaced_custom_object(*WHERE, "flights")
    assert read == made and read["metadata"]["generation"] == 1
    read["spec"]["predictor"]["minReplicas"] = 2
    replaced = custom.replace_namespaced_custom_object(*WHERE, "flights", read)
    assert replaced["metadata"]["generation"] == 2
    patched = custom.patch_namespaced_custom_object(*WHERE, "flights", {"spec": {"predictor": {"minReplicas": None}}})
    assert "minReplicas" not in patched["spec"]["predictor"]
    assert [item["metadata"]["name"] for item in custom.list_namespaced_custom_object(*WHERE)["items"]] == ["flights"]
    custom.delete_namespaced_custom_object(*WHERE, "flights")
    with pytest.raises(client.ApiException, match="NotFound") as gone:
        custom.get_namespaced_custom_object(*WHERE, "flights")
    assert gone.value.status == 404


def test_the_status_is_written_by_its_own_path_only(custom: client.CustomObjectsApi, service: Service) -> None:
    custom.create_namespaced_custom_object(*WHERE, service)
    status = {"status": {"url": "http://flights"}}
    assert "status" not in custom.patch_namespaced_custom_object(*WHERE, "flights", status)
    written = custom.patch_namespaced_custom_object_status(*WHERE, "flights", status)
    assert written["status"] == status["status"] and written["metadata"]["generation"] == 1


def test_config_maps_secrets_and_leases_come_back_as_the_typed_client_has_them(
    connect: Connect, core: client.CoreV1Api
) -> None:
    core.create_namespaced_config_map("team", client.V1ConfigMap(metadata={"name": "record"}, data={"a": "1"}))
    assert core.patch_namespaced_config_map("record", "team", {"data": {"b": "2"}}).data == {"a": "1", "b": "2"}
    secret = client.V1Secret(metadata={"name": "key"}, string_data={"user": "me"})
    assert core.create_namespaced_secret("team", secret).data == {"user": "bWU="}
    leases = client.CoordinationV1Api(connect())
    body = {"metadata": {"name": "lock"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}}
    lease = leases.create_namespaced_lease("team", body)
    lease.spec.holder_identity = "b"
    assert leases.replace_namespaced_lease("lock", "team", lease).spec.holder_identity == "b"
    with pytest.raises(client.ApiException) as stale:
        leases.replace_namespaced_lease("lock", "team", lease)
    assert stale.value.status == 409


def test_a_watch_sees_each_change_in_order_and_ends_at_its_timeout(
    connect: Connect, custom: client.CustomObjectsApi, service: Service
) -> None:
    start = custom.list_namespaced_custom_object(*WHERE)["metadata"]["resourceVersion"]
    watching = client.CustomObjectsApi(connect())
    seen: list[tuple[str, Any]] = []

    def read() -> None:
        stream = watch.Watch().stream(
            watching.list_namespaced_custom_object, *WHERE, resource_version=start, timeout_seconds=3
        )
        for event in stream:
            seen.append((event["type"], event["object"]["metadata"].get("labels")))

    reader = threading.Thread(target=read)
    reader.start()
    custom.create_namespaced_custom_object(*WHERE, service)
    custom.patch_namespaced_custom_object(*WHERE, "flights", {"metadata": {"labels": {"a": "b"}}})
    custom.delete_namespaced_custom_object(*WHERE, "flights")
    reader.join(timeout=20)
    assert not reader.is_alive()
    assert seen == [("ADDED", None), ("MODIFIED", {"a": "b"}), ("DELETED", {"a": "b"})]


def test_a_watch_from_a_version_that_is_long_gone_raises_410(custom: client.CustomObjectsApi) -> None:
    stream = watch.Watch().stream(custom.list_namespaced_custom_object, *WHERE, resource_version="1", timeout_seconds=5)
    with pytest.raises(client.ApiException) as gone:
        list(stream)
    assert gone.value.status == 410


def test_a_server_side_apply_of_somebody_elses_field_is_a_409_that_names_owner_and_field(
    connect: Connect, service: Service
) -> None:
    service["spec"]["predictor"]["minReplicas"] = 1
    applied(connect, "kfp-lifecycle", service)
    service["spec"]["predictor"]["minReplicas"] = 2
    with pytest.raises(client.ApiException) as conflict:
        applied(connect, "somebody", service)
    assert conflict.value.status == 409
    assert b'conflict with \\"kfp-lifecycle\\": .spec.predictor.minReplicas' in conflict.value.body
    forced = applied(connect, "somebody", service, force_conflicts=True)
    assert forced["spec"]["predictor"]["minReplicas"] == 2


def test_an_apply_that_carries_the_version_it_read_is_a_compare_and_swap(connect: Connect, service: Service) -> None:
    read = applied(connect, "kfp-lifecycle", service)["metadata"]["resourceVersion"]
    service["metadata"]["resourceVersion"] = read
    service["spec"]["predictor"]["minReplicas"] = 1
    assert applied(connect, "kfp-lifecycle", service)["metadata"]["generation"] == 2
    service["spec"]["predictor"]["minReplicas"] = 9
    with pytest.raises(client.ApiException, match="the object has been modified") as stale:
        applied(connect, "kfp-lifecycle", service)
    assert stale.value.status == 409


def test_an_apply_with_a_version_does_not_bring_a_deleted_service_back(
    connect: Connect, custom: client.CustomObjectsApi, service: Service
) -> None:
    read = applied(connect, "kfp-lifecycle", service)["metadata"]["resourceVersion"]
    custom.delete_namespaced_custom_object(*WHERE, "flights")
    service["metadata"]["resourceVersion"] = read
    with pytest.raises(client.ApiException) as refused:
        applied(connect, "kfp-lifecycle", service)
    assert refused.value.status == 409
    assert custom.list_namespaced_custom_object(*WHERE)["items"] == []


def test_an_applied_environment_and_a_canary_entry_go_when_they_are_no_longer_applied(
    connect: Connect, service: Service
) -> None:
    predictor = service["spec"]["predictor"]
    predictor["model"]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    service["spec"]["canary"] = [{"trafficPercent": 10, "predictor": {"name": "v2", "minReplicas": 1}}]
    applied(connect, "kfp-lifecycle", service)
    del service["spec"]["canary"]
    predictor["model"]["env"].pop(0)
    left = applied(connect, "kfp-lifecycle", service)["spec"]
    assert "canary" not in left and left["predictor"]["model"]["env"] == [{"name": "B", "value": "2"}]


def test_a_dry_run_stores_nothing(core: client.CoreV1Api) -> None:
    core.create_namespaced_config_map("team", {"metadata": {"name": "x"}, "data": {"a": "1"}})
    core.patch_namespaced_config_map("x", "team", {"data": {"a": "2"}}, dry_run="All")
    core.delete_namespaced_config_map("x", "team", dry_run="All")
    core.create_namespaced_config_map("team", {"metadata": {"name": "y"}}, dry_run="All")
    assert [(item.metadata.name, item.data) for item in core.list_namespaced_config_map("team").items] == [
        ("x", {"a": "1"})
    ]
