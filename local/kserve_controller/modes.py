"""What an InferenceService asks for beyond its predictor: deployment mode, runtime, access. Pure."""

from __future__ import annotations

from collections.abc import Collection

from kfp_lifecycle.local.kserve_controller.admission import MODE_ANNOTATION
from kfp_lifecycle.local.kserve_controller.templates import Manifest

# Set to "deny", the gateway answers like a service mesh whose policy refuses the caller. For tests only.
ACCESS_ANNOTATION = "kfp-lifecycle/local-access"
TAG_ROUTING_ANNOTATION = "serving.kserve.io/enable-tag-routing"
_SPELLINGS = {"RawDeployment": "Standard", "Serverless": "Knative"}
_FORMATS = {"sklearn"}


def annotation(service: Manifest, name: str) -> str:
    """The value of an annotation, empty if it is absent."""
    return str((service["metadata"].get("annotations") or {}).get(name, ""))


def deployment_mode(service: Manifest, default: str) -> str:
    """Standard or Knative: what the status has settled on, the annotation, or the cluster's default."""
    settled = (service.get("status") or {}).get("deploymentMode")
    asked = settled or annotation(service, MODE_ANNOTATION) or default
    return _SPELLINGS.get(asked, asked)


def denies_access(service: Manifest) -> bool:
    """Whether the gateway refuses all requests to the service."""
    return annotation(service, ACCESS_ANNOTATION) == "deny"


def runtime_problem(service: Manifest, runtimes: Collection[str]) -> tuple[str, str] | None:
    """Why no runtime can serve the predictor (KServe: reconcileModel): reason and message, None if one can."""
    model = service["spec"]["predictor"].get("model")
    if not model:
        return "NoSupportingRuntime", "the local cluster serves spec.predictor.model only"
    # Secrets and fields of a pod are not resolved here; a server without its variables would only fail later.
    unknown = [one["name"] for one in model.get("env") or () if "valueFrom" in one]
    if unknown:
        return "InvalidPredictorSpec", f"the local cluster does not resolve valueFrom of env {', '.join(unknown)}"
    runtime = model.get("runtime")
    if runtime and runtime not in runtimes:
        return "RuntimeNotRecognized", "Waiting for runtime to become available"
    if (model.get("modelFormat") or {}).get("name") not in _FORMATS:
        kind = "Specified runtime does not support specified" if runtime else "No runtime found to support specified"
        return "NoSupportingRuntime", f"{kind} framework/version"
    return None
