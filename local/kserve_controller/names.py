"""Names and hosts that KServe derives from those of an InferenceService. Pure."""

from __future__ import annotations

CLUSTER_DOMAIN = "svc.cluster.local"


def predictor(service: str, arm: str = "") -> str:
    """Deployment and Service of an arm (KServe: constants.PredictorServiceName); an unnamed stable has no infix."""
    return f"{service}-{arm}-predictor" if arm else f"{service}-predictor"


def revision(service: str, number: int) -> str:
    """Knative's name for the revision of a configuration generation."""
    return f"{service}-predictor-{number:05d}"


def service_host(service: str, namespace: str, domain: str) -> str:
    """The host of ``status.url``: where the weights hold."""
    return f"{service}-{namespace}.{domain}"


def predictor_host(service: str, namespace: str, domain: str) -> str:
    """The host of the predictor's own HTTPRoute, weighted like the service's."""
    return f"{service}-predictor-{namespace}.{domain}"


def tag_host(tag: str, service: str, namespace: str, domain: str) -> str:
    """Knative's host for a traffic tag (``latest``, ``prev``); it bypasses the weights."""
    return f"{tag}-{service}-predictor.{namespace}.{domain}"


def in_cluster_host(deployment: str, namespace: str) -> str:
    """The host of an arm's Service; it bypasses the weights."""
    return f"{deployment}.{namespace}.{CLUSTER_DOMAIN}"
