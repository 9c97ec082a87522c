"""What every task gets on a cluster: its environment, its share of a node, its retries and its caching.

Endpoints come from the ConfigMap and credentials from the Secret ``kfp-lifecycle`` of the run's namespace, each key
optional, so that no endpoint and no secret is ever a parameter of a run. Leave MLFLOW_TRACKING_URI out of the
ConfigMap where KFP's MLflow plugin is on: the plugin sets it.
"""

from __future__ import annotations

from functools import cache

from kfp import dsl, kubernetes

from kfp_lifecycle.components import metadata
from kfp_lifecycle.core import settings

_BACKOFF = "10s"
_LONGEST_BACKOFF = "60s"


def configured(task: dsl.PipelineTask) -> dsl.PipelineTask:
    """Give a task the environment of its namespace, and what the metadata of its component says.

    A component that is not of this library gets the environment only.
    """
    known = _metadata().get(task.component_spec.name.replace("-", "_"))
    names = settings.FROM_CONFIG_MAP if known is None else known.settings
    if names:
        kubernetes.use_config_map_as_env(task, settings.CONFIG_MAP, {name: name for name in names}, optional=True)
    if known is None:
        return task
    if known.secrets:
        kubernetes.use_secret_as_env(task, settings.SECRET, {name: name for name in known.secrets}, optional=True)
    task.set_caching_options(known.cacheable)
    task.set_cpu_request(known.cpu)
    task.set_memory_request(known.memory)
    if known.retries:
        # A second pod helps against a lost node, not against a wrong input, so the wait is short.
        task.set_retry(known.retries, backoff_duration=_BACKOFF, backoff_max_duration=_LONGEST_BACKOFF)
    if known.longest_wait_seconds:
        # Tools that empty nodes would otherwise take a pod away that has waited for an hour.
        kubernetes.add_pod_annotation(task, "cluster-autoscaler.kubernetes.io/safe-to-evict", "false")
        kubernetes.add_pod_annotation(task, "karpenter.sh/do-not-disrupt", "true")
        kubernetes.set_timeout(task, known.longest_wait_seconds)
    return task


@cache
def _metadata() -> dict[str, metadata.Metadata]:
    return {verb: metadata.load(folder) for verb, folder in metadata.folders().items()}
