"""An InferenceService with a canary, created as a dry run: CRD and webhook judge it, and nothing is kept."""

from __future__ import annotations

import uuid
from importlib import resources
from typing import Any

import yaml

from kfp_lifecycle.adapters.kubernetes_connection import Connection, request
from kfp_lifecycle.adapters.kubernetes_errors import Forbidden, Invalid, KubernetesError
from kfp_lifecycle.adapters.kubernetes_objects import INFERENCE_SERVICES
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.inference_service import Mode


def rehearse(connection: Connection, namespace: str, mode: Mode) -> tuple[bool | None, str]:
    """Whether the cluster takes it, None if that cannot be told; and what the API said when it does not.

    A strict validation is asked for, as by default an unknown field is accepted and dropped.
    """
    body = manifest(namespace, mode)
    try:
        request(
            connection,
            "post",
            INFERENCE_SERVICES.path(namespace),
            verb="create",
            resource=INFERENCE_SERVICES.resource,
            namespace=namespace,
            body=body,
            query_params=[("fieldValidation", "Strict")],
            dry_run="All",
        )
    except Invalid as error:
        return False, str(error)[:400]
    except Forbidden as error:
        return None, str(error)
    except KubernetesError as error:
        if error.status in (404, 501):
            return None, str(error)
        raise
    return True, ""


def manifest(namespace: str, mode: Mode) -> dict[str, Any]:
    """The shipped example of this mode under a name that nobody has."""
    name = f"inferenceservice-{mode.lower()}-canary.yaml"
    text = resources.files("kfp_lifecycle.manifests").joinpath(name).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    found["metadata"] |= {"name": f"doctor-{uuid.uuid4().hex[:8]}", "namespace": namespace}
    for arm in (found["spec"]["predictor"], *(each["predictor"] for each in found["spec"].get("canary") or [])):
        arm["model"]["runtime"] = settings.setting(settings.SERVING_RUNTIME)
    return found
