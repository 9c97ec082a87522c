"""The pages of InferenceServices: their list, and one with its arms, counters and releases."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kfp_lifecycle.adapters import release_records
from kfp_lifecycle.core import inference_service, release_format
from kfp_lifecycle.core.release import ReleaseRecord
from kfp_lifecycle.local.gateway.arm_counters import ArmCounters, arm_counters
from kfp_lifecycle.local.status_page import arms, live
from kfp_lifecycle.local.status_page.site import Site, missing, render


def service_list(request: Request, site: Site) -> Response:
    """All services."""
    known = live.record(site.state)
    found = live.services(site.state, known)
    return render(request, site, "services.html", services=found)


def service_page(request: Request, site: Site) -> Response:
    """One service."""
    namespace, name = request.path_params["namespace"], request.path_params["name"]
    known = live.record(site.state)
    troubles: list[str] = []
    overview, service, record = _read(site, known, namespace, name, troubles)
    found: list[arms.Arm] = []
    if service is not None and overview is not None:
        found = arms.arms(service, overview, _pods(site, service, troubles))
    counters = _counters(known, namespace, [arm.name for arm in found], troubles)
    return render(
        request,
        site,
        "service.html",
        namespace=namespace,
        name=name,
        overview=overview,
        service=inference_service.read(service) if service is not None else None,
        arms=found,
        split=arms.split(found),
        conditions=((service or {}).get("status") or {}).get("conditions") or [],
        counters=counters,
        record=record,
        troubles=troubles,
        gateway=known.get("urls", {}).get("gateway", ""),
        mlflow=known.get("urls", {}).get("mlflow", ""),
    )


def _read(
    site: Site, known: dict[str, Any], namespace: str, name: str, troubles: list[str]
) -> tuple[dict[str, Any] | None, dict[str, Any] | None, ReleaseRecord | None]:
    """Overview, object and release record; None for what cannot be read.

    Raises:
        HTTPException: 404, there is no such service.
    """
    found = live.services(site.state, known)
    if found.away:
        troubles.append(found.away)
        return None, None, None
    overview = next((each for each in found.lines if (each["namespace"], each["name"]) == (namespace, name)), None)
    if overview is None:
        raise missing("such service")
    try:
        objects = live.objects(site.state)
        service = objects.get("InferenceService", namespace, name)
        stored = objects.get("ConfigMap", namespace, release_records.name(name))
    except live.AWAY as error:
        troubles.append(live.away("The Kubernetes API", error))
        return overview, None, None
    try:
        text = ((stored or {}).get("data") or {}).get(release_records.KEY, "")
        return overview, service, release_format.loads(text) if stored else None
    except release_format.RecordError as error:
        troubles.append(str(error))
        return overview, service, None


def _pods(site: Site, service: dict[str, Any], troubles: list[str]) -> list[dict[str, Any]]:
    try:
        return live.objects(site.state).owned("Pod", service)
    except live.AWAY as error:
        troubles.append(live.away("The Kubernetes API", error))
        return []


def _counters(known: dict[str, Any], namespace: str, names: list[str], troubles: list[str]) -> dict[str, ArmCounters]:
    address = known.get("urls", {}).get("gateway_admin", "")
    if not address:
        return {}
    try:
        return arm_counters(address, namespace, names, timeout=live.SECONDS)
    except OSError as error:
        troubles.append(live.away("The gateway", error))
        return {}
