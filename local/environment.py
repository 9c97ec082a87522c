"""The settings that steps get on this machine, as a ConfigMap would give them on a cluster."""

from __future__ import annotations

from kfp_lifecycle.core import settings as names
from kfp_lifecycle.local.kfp_tokens import TOKEN_FILE
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder


def environment(
    state: StateFolder,
    settings: ClusterSettings,
    *,
    gateway_url: str,
    gateway_admin_url: str,
    mlflow_url: str,
    kfp_url: str = "",
) -> dict[str, str]:
    """Variables for the environment of a step.

    The models root is a plain path for writing and a ``file:`` URI for serving, so that a storageUri names its
    scheme as on any cluster.
    """
    variables = {
        "KUBECONFIG": str(state["kubeconfig-steps"]),
        names.MODELS_ROOT: str(state.models),
        names.MODELS_SERVE_ROOT: state.models.as_uri(),
        names.GATEWAY_URL: gateway_url,
        names.GATEWAY_DOMAIN: settings.domain,
        names.METRICS: "envoy",
        names.ENVOY_ADMIN_URL: gateway_admin_url,
        names.DEPLOYMENT_MODE: settings.mode,
        names.SERVE_SCHEMES: f"{names.DEFAULTS[names.SERVE_SCHEMES]},file",
        names.SERVING_RUNTIME: settings.runtimes[0],
    }
    if settings.payload_log:
        variables[names.PAYLOAD_LOG_URI] = str(state.payloads)
        # Many small files do no harm here, and whoever tries things out wants to see the rows.
        variables[names.PAYLOAD_LOG_SECONDS] = "2"
    if mlflow_url:
        variables[names.MLFLOW_TRACKING_URI] = mlflow_url
    if kfp_url:
        variables[names.KFP_ENDPOINT] = kfp_url
        if settings.kfp_tokens:
            variables[names.KFP_TOKEN_FILE] = str(state[TOKEN_FILE])
    return variables
