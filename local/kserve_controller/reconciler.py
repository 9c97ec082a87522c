"""Carries out the plan for one InferenceService."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from kfp_lifecycle.local.gateway.gateway import Gateway
from kfp_lifecycle.local.kserve_controller import conditions as c
from kfp_lifecycle.local.kserve_controller import memory
from kfp_lifecycle.local.kserve_controller.knative_plan import knative_plan
from kfp_lifecycle.local.kserve_controller.model_status import invalid_spec
from kfp_lifecycle.local.kserve_controller.modes import deployment_mode, runtime_problem
from kfp_lifecycle.local.kserve_controller.objects import Object, Objects, controller_uid
from kfp_lifecycle.local.kserve_controller.plan import Plan, Weights
from kfp_lifecycle.local.kserve_controller.projections import http_routes, pod_manifest
from kfp_lifecycle.local.kserve_controller.standard_plan import Surroundings, standard_plan
from kfp_lifecycle.local.kserve_controller.templates import Template
from kfp_lifecycle.local.pods.kubelet import Kubelet, Pod
from kfp_lifecycle.local.pods.pod import PodSpec
from kfp_lifecycle.local.settings import ClusterSettings

_log = logging.getLogger(__name__)


class Reconciler:
    """Brings pods, gateway and status in line with an InferenceService, one step at a time."""

    def __init__(
        self,
        objects: Objects,
        kubelet: Kubelet,
        gateway: Gateway,
        *,
        folder: Path,
        settings: ClusterSettings,
        not_propagated: frozenset[str],
    ) -> None:
        self._objects = objects
        self._kubelet = kubelet
        self._gateway = gateway
        self._folder = folder
        self._settings = settings
        self._not_propagated = not_propagated

    def reconcile(self, service: Object) -> None:
        """One step; the changes it causes bring the next.

        The order loses no request: new pods start, the gateway turns to those that are ready, the status says so,
        and only then do old pods go.
        """
        metadata = service["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        problem = runtime_problem(service, self._settings.runtimes)
        if problem is not None:
            self._put_status(service, _invalid(service, problem))
            return
        standard = deployment_mode(service, self._settings.mode) == "Standard"
        remembered = memory.load(self._folder, namespace, name, metadata["uid"])
        plan = self._plan(service, remembered, standard=standard)
        now_remembered = replace(remembered, revisions=plan.revisions).with_child(plan.child)
        if now_remembered != remembered:
            memory.save(self._folder, namespace, name, now_remembered)
        for revision, template in plan.start:
            self._kubelet.ensure(_pod(service, revision, template))
        self._gateway.apply((namespace, name), plan.route)
        if plan.weights is not None:
            self._put_routes(service, plan.weights)
        runtime = service["spec"]["predictor"]["model"].get("runtime") or self._settings.runtimes[0]
        generation = {"observedGeneration": now_remembered.generation, "servingRuntimeName": runtime}
        self._put_status(service, plan.status | generation)
        for pod in plan.stop:
            self._kubelet.stop(namespace, pod)
        self._put_pods(service, standard=standard)

    def remove(self, service: Object, *, replaced: bool) -> bool:
        """Leave nothing of a deleted InferenceService; False while its processes still end.

        Args:
            replaced: a namesake exists by now; the gateway and the memory are its own.
        """
        metadata = service["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        if not replaced:
            self._gateway.apply((namespace, name), None)
            memory.forget(self._folder, namespace, name)
        pods = self._pods(service)
        for pod in pods:
            self._kubelet.stop(namespace, pod.spec.name)
        for one in self._objects.owned("HTTPRoute", service):
            self._objects.delete(one)
        self._put_pods(service, standard=False)
        return not pods

    def collect_garbage(self, uids: Collection[str]) -> None:
        """Delete what belongs to none of these InferenceServices, as after a crash between two deletions."""
        for kind in ("HTTPRoute", "Pod"):
            for one in self._objects.everywhere(kind):
                owner = controller_uid(one)
                if owner and owner not in uids:
                    self._objects.delete(one)

    def _pods(self, service: Object) -> list[Pod]:
        metadata = service["metadata"]
        pods = self._kubelet.pods(metadata["namespace"], metadata["name"])
        return [pod for pod in pods if pod.spec.owner == metadata["uid"]]

    def _plan(self, service: Object, remembered: memory.Memory, *, standard: bool) -> Plan:
        pods = self._pods(service)
        around = Surroundings(
            domain=self._settings.domain,
            progress_deadline=self._settings.timings.progress_deadline,
            now=time.time(),
            not_propagated=self._not_propagated,
            weights=self._weights(service) if standard else (),
        )
        if standard:
            return standard_plan(service, pods, around)
        return knative_plan(service, remembered.revisions, pods, around)

    def _weights(self, service: Object) -> Weights:
        """What the HTTPRoute says now."""
        metadata = service["metadata"]
        route = self._objects.get("HTTPRoute", metadata["namespace"], metadata["name"])
        backends = route["spec"]["rules"][0]["backendRefs"] if route else []
        # Without a canary KServe writes no weight, which means one.
        lone = len(backends) == 1
        return tuple((one["name"], 100 if lone else int(one["weight"])) for one in backends)

    def _put_routes(self, service: Object, weights: Weights) -> None:
        namespace = service["metadata"]["namespace"]
        for route in http_routes(service, weights, domain=self._settings.domain):
            self._objects.put(route, self._objects.get("HTTPRoute", namespace, route["metadata"]["name"]))

    def _put_pods(self, service: Object, *, standard: bool) -> None:
        existing = {one["metadata"]["name"]: one for one in self._objects.owned("Pod", service)}
        for pod in self._pods(service):
            self._objects.put(pod_manifest(service, pod, standard=standard), existing.pop(pod.spec.name, None))
        for one in existing.values():
            self._objects.delete(one)

    def _put_status(self, service: Object, status: dict[str, Any]) -> None:
        if status != service.get("status"):
            self._objects.put_status(service, status)


def _pod(service: Object, revision: str, template: Template) -> PodSpec:
    metadata = service["metadata"]
    return PodSpec(
        namespace=metadata["namespace"],
        name=f"{revision}-{template.digest}-{secrets.token_hex(3)[:5]}",
        service=metadata["name"],
        owner=metadata["uid"],
        revision=revision,
        template=template.digest,
        model_name=metadata["name"],
        storage_uri=template.storage_uri,
        environment=template.environment,
        arguments=template.arguments,
    )


def _invalid(service: Object, problem: tuple[str, str]) -> dict[str, Any]:
    before = service.get("status") or {}
    conditions = before.get("conditions") or c.stamped(c.initial(), (), time.time())
    status = invalid_spec(before.get("modelStatus") or {}, *problem)
    return {**before, "conditions": conditions, "modelStatus": status}
