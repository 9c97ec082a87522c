"""The host names under which KServe serves a service and its arms."""

from __future__ import annotations

from kfp_lifecycle.core.inference_service import Mode

LABEL_LENGTH = 63


def service_host(service: str, namespace: str, domain: str) -> str:
    """Where callers meet the split."""
    return f"{service}-{namespace}.{domain}"


def workload(service: str, arm: str) -> str:
    """Standard mode: the Deployment and Service of an arm; an arm without a name has the service's own."""
    return f"{service}-{arm}-predictor" if arm else f"{service}-predictor"


def arm_host(mode: Mode, service: str, namespace: str, domain: str, arm: str) -> str:
    """An address that reaches only the newest arm, whatever share it has."""
    if mode is Mode.STANDARD:
        return f"{workload(service, arm)}.{namespace}.svc.cluster.local"
    return f"latest-{service}-predictor.{namespace}.{domain}"


def stable_host(mode: Mode, service: str, namespace: str, domain: str, arm: str) -> str:
    """An address that reaches only the stable arm while a canary stands beside it."""
    if mode is Mode.STANDARD:
        return f"{workload(service, arm)}.{namespace}.svc.cluster.local"
    return f"prev-{service}-predictor.{namespace}.{domain}"


def longest_label(mode: Mode, service: str, namespace: str, arm: str) -> str:
    """The longest DNS label that will be derived for this service."""
    derived = [f"{service}-{namespace}"]
    if mode is Mode.STANDARD:
        derived.append(workload(service, arm))
    else:
        derived += [f"latest-{service}-predictor", f"{service}-predictor-00001"]
    return max(derived, key=len)
