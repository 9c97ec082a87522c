"""The settings that steps read from their environment.

On a cluster they come from the ConfigMap ``kfp-lifecycle`` and Secrets of the namespace; on one machine the
local runner exports the same names. No endpoint and no secret is ever a parameter of a run.
"""

from __future__ import annotations

import os

from kfp_lifecycle.core.errors import InputError

CONFIG_MAP = "kfp-lifecycle"
SECRET = "kfp-lifecycle"

MLFLOW_TRACKING_URI = "MLFLOW_TRACKING_URI"
MODELS_ROOT = "KFP_LIFECYCLE_MODELS_ROOT"
MODELS_SERVE_ROOT = "KFP_LIFECYCLE_MODELS_SERVE_ROOT"
GATEWAY_URL = "KFP_LIFECYCLE_GATEWAY_URL"
GATEWAY_DOMAIN = "KFP_LIFECYCLE_GATEWAY_DOMAIN"
GATEWAY_CA_FILE = "KFP_LIFECYCLE_GATEWAY_CA_FILE"
GATEWAY_TOKEN_FILE = "KFP_LIFECYCLE_GATEWAY_TOKEN_FILE"
METRICS = "KFP_LIFECYCLE_METRICS"
PROMETHEUS_URL = "KFP_LIFECYCLE_PROMETHEUS_URL"
PROMETHEUS_CA_FILE = "KFP_LIFECYCLE_PROMETHEUS_CA_FILE"
PROMETHEUS_TOKEN_FILE = "KFP_LIFECYCLE_PROMETHEUS_TOKEN_FILE"
ENVOY_ADMIN_URL = "KFP_LIFECYCLE_ENVOY_ADMIN_URL"
# KFP's own names, which kfp.Client reads too.
KFP_ENDPOINT = "KF_PIPELINES_ENDPOINT"
KFP_TOKEN_FILE = "KF_PIPELINES_SA_TOKEN_PATH"
KFP_CA_FILE = "KFP_LIFECYCLE_KFP_CA_FILE"
DEPLOYMENT_MODE = "KFP_LIFECYCLE_DEPLOYMENT_MODE"
SERVE_SCHEMES = "KFP_LIFECYCLE_SERVE_SCHEMES"
SERVING_RUNTIME = "KFP_LIFECYCLE_SERVING_RUNTIME"
IMPORT_ROOTS = "KFP_LIFECYCLE_IMPORT_ROOTS"
TRUSTED_TYPES = "KFP_LIFECYCLE_TRUSTED_TYPES"
REFERENCE_CACHE = "KFP_LIFECYCLE_REFERENCE_CACHE"
PAYLOAD_LOG_URI = "KFP_LIFECYCLE_PAYLOAD_LOG_URI"
PAYLOAD_LOG_SECONDS = "KFP_LIFECYCLE_PAYLOAD_LOG_SECONDS"
PAYLOAD_LOG_EXCLUDE = "KFP_LIFECYCLE_PAYLOAD_LOG_EXCLUDE"
PAYLOAD_LOG_HASH = "KFP_LIFECYCLE_PAYLOAD_LOG_HASH"
PAYLOAD_LOG_HASH_KEY_FILE = "KFP_LIFECYCLE_PAYLOAD_LOG_HASH_KEY_FILE"
WEBHOOK_FORMAT = "KFP_LIFECYCLE_WEBHOOK_FORMAT"
WEBHOOK_URL = "KFP_LIFECYCLE_WEBHOOK_URL"

DEFAULTS = {
    GATEWAY_DOMAIN: "example.com",
    SERVE_SCHEMES: "s3,gs,https,pvc,oci,hdfs,abfs,abfss,hf",
    SERVING_RUNTIME: "kfp-lifecycle-serve",
    IMPORT_ROOTS: "sklearn",
    WEBHOOK_FORMAT: "webhook",
}

# What deploy hands on to the model servers.
PAYLOAD_LOG = (
    PAYLOAD_LOG_URI,
    PAYLOAD_LOG_SECONDS,
    PAYLOAD_LOG_EXCLUDE,
    PAYLOAD_LOG_HASH,
    PAYLOAD_LOG_HASH_KEY_FILE,
)

# What the ConfigMap may hold, in the order in which the documentation lists it.
FROM_CONFIG_MAP = (
    MLFLOW_TRACKING_URI,
    MODELS_ROOT,
    MODELS_SERVE_ROOT,
    GATEWAY_URL,
    GATEWAY_DOMAIN,
    GATEWAY_CA_FILE,
    GATEWAY_TOKEN_FILE,
    METRICS,
    PROMETHEUS_URL,
    PROMETHEUS_CA_FILE,
    PROMETHEUS_TOKEN_FILE,
    ENVOY_ADMIN_URL,
    DEPLOYMENT_MODE,
    SERVE_SCHEMES,
    SERVING_RUNTIME,
    *PAYLOAD_LOG,
    IMPORT_ROOTS,
    TRUSTED_TYPES,
    REFERENCE_CACHE,
    WEBHOOK_FORMAT,
    KFP_ENDPOINT,
    KFP_TOKEN_FILE,
    KFP_CA_FILE,
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
)
# What the Secret may hold.
FROM_SECRET = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    WEBHOOK_URL,
)


def setting(name: str, default: str = "") -> str:
    """The setting's value; an unset or empty variable gives ``default``, then the built-in default."""
    return os.environ.get(name, "").strip() or default or DEFAULTS.get(name, "")


def required(name: str) -> str:
    """The setting's value.

    Raises:
        InputError: the variable is unset or empty.
    """
    value = setting(name)
    if not value:
        raise InputError(
            name,
            os.environ.get(name, ""),
            "a value in the step's environment",
            f"Set the key {name} in the ConfigMap {CONFIG_MAP!r} of the run's namespace.",
        )
    return value


def words(name: str) -> tuple[str, ...]:
    """A comma-separated setting as its parts."""
    return tuple(part.strip() for part in setting(name).split(",") if part.strip())
