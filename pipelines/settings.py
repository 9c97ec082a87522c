"""What every task gets on a cluster: its environment, its share of a node, its retries and its caching.

Endpoints come from the ConfigMap and credentials from the Secret ``kfp-lifecycle`` of the run's namespace, each key
optional, so that no endpoint and no secret is ever a parameter of a run. Leave MLFLOW_TRACKING_URI out of the
ConfigMap where KFP's MLflow plugin is on: the plugin sets it. A settings file (docs/composing.md) adds what differs
from cluster to cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cache

from kfp import dsl, kubernetes

from kfp_lifecycle.components import metadata
from kfp_lifecycle.core import settings as names
from kfp_lifecycle.pipelines.caller_names import quick_caller_names
from kfp_lifecycle.pipelines.quantities import check_limits
from kfp_lifecycle.pipelines.settings_file import load_task_settings
from kfp_lifecycle.pipelines.task_settings import Settings, TaskSettings

__all__ = ["Settings", "compiling_with", "configured", "load_task_settings"]

_BACKOFF = "10s"
_LONGEST_BACKOFF = "60s"
# Tools that empty nodes would otherwise take a pod away that has waited for an hour.
_STAY = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
_NOTHING = Settings()
_COMPILING: ContextVar[Settings] = ContextVar("_COMPILING", default=_NOTHING)


@contextmanager
def compiling_with(settings: Settings) -> Iterator[None]:
    """Let every ``configured`` in this block that is given no settings take these."""
    token = _COMPILING.set(settings)
    try:
        yield
    finally:
        _COMPILING.reset(token)


def configured(task: dsl.PipelineTask, settings: Settings | None = None) -> dsl.PipelineTask:
    """Give a task the environment of its namespace, what its component's metadata says, and what a file says.

    A component that is not of this library gets every setting of the ConfigMap, and what the file says.

    Args:
        task: of any component.
        settings: from ``load_task_settings``; without them those of ``compile.py --settings``.

    Raises:
        InputError: a limit is below what the task requests.
    """
    chosen = _COMPILING.get() if settings is None else settings
    name = task.component_spec.name.replace("-", "_")
    known = _metadata().get(name)
    said = effective(name, known, chosen)
    check_limits(name, said)
    _add_variables(task, said, known)
    with quick_caller_names():
        _add_resources(task, said)
    _add_placement(task, said)
    if said.cache is not None:
        task.set_caching_options(said.cache)
    if said.retries:
        # A second pod helps against a lost node, not against a wrong input, so the wait is short.
        task.set_retry(said.retries, backoff_duration=_BACKOFF, backoff_max_duration=_LONGEST_BACKOFF)
    if said.timeout_seconds is not None:
        kubernetes.set_timeout(task, said.timeout_seconds)
    return task


def effective(name: str, known: metadata.Metadata | None, chosen: Settings) -> TaskSettings:
    """What holds for a component: the file's block for it, over the file's defaults, over its metadata.

    Defaults are written with no step in mind, so they never make a step cached that must not be, never repeat one
    whose second try cannot help, and never cut short one that waits; a block of its own may do the last two.
    """
    defaults = chosen.defaults
    base = TaskSettings(config_map=names.CONFIG_MAP, secret=names.SECRET)
    if known:
        base = replace(
            base,
            cpu_request=known.cpu,
            memory_request=known.memory,
            retries=known.retries,
            timeout_seconds=known.longest_wait_seconds or None,
            annotations=_STAY if known.longest_wait_seconds else {},
            cache=known.cacheable,
        )
        defaults = replace(
            defaults,
            cache=defaults.cache if known.cacheable else None,
            retries=defaults.retries if known.retries else None,
            timeout_seconds=None if known.longest_wait_seconds else defaults.timeout_seconds,
        )
    return chosen.own(name).over(defaults).over(base)


def _add_variables(task: dsl.PipelineTask, said: TaskSettings, known: metadata.Metadata | None) -> None:
    read = known.settings if known else names.FROM_CONFIG_MAP
    if read:
        kubernetes.use_config_map_as_env(task, said.config_map, _same(read), optional=True)
    if known and known.secrets:
        kubernetes.use_secret_as_env(task, said.secret, _same(known.secrets), optional=True)
    # What the user names must be there: a pod that waits for it says so, and a step without it fails in its own way.
    for name, keys in said.config_maps.items():
        kubernetes.use_config_map_as_env(task, name, _same(keys))
    for name, keys in said.secrets.items():
        kubernetes.use_secret_as_env(task, name, _same(keys))


def _add_resources(task: dsl.PipelineTask, said: TaskSettings) -> None:
    if said.cpu_request is not None:
        task.set_cpu_request(said.cpu_request)
    if said.cpu_limit is not None:
        task.set_cpu_limit(said.cpu_limit)
    if said.memory_request is not None:
        task.set_memory_request(said.memory_request)
    if said.memory_limit is not None:
        task.set_memory_limit(said.memory_limit)
    if said.accelerator_type is not None:
        task.set_accelerator_type(said.accelerator_type)
        task.set_accelerator_limit(said.accelerator_count)


def _add_placement(task: dsl.PipelineTask, said: TaskSettings) -> None:
    for key, value in said.node_selector.items():
        kubernetes.add_node_selector(task, key, value)
    for it in said.tolerations or ():
        kubernetes.add_toleration(
            task,
            key=it.key or None,
            operator=it.operator,
            value=it.value or None,
            effect=it.effect or None,
            toleration_seconds=it.seconds,
        )
    if said.tmp is not None:
        kubernetes.empty_dir_mount(task, "tmp", "/tmp", size_limit=said.tmp)
    for key, value in said.labels.items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in said.annotations.items():
        kubernetes.add_pod_annotation(task, key, value)
    if said.image_pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(said.image_pull_secrets))


def _same(keys: tuple[str, ...]) -> Mapping[str, str]:
    return {key: key for key in keys}


@cache
def _metadata() -> dict[str, metadata.Metadata]:
    return {verb: metadata.load(folder) for verb, folder in metadata.folders().items()}
