"""What a settings file says of tasks: a block of defaults, and one for each component by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

Names = Mapping[str, str]
Keys = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Toleration:
    """One toleration of a pod; an empty text is not written."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    seconds: int | None = None


@dataclass(frozen=True)
class TaskSettings:
    """One block of the file; None, or an empty mapping, says nothing.

    Attributes:
        config_map: name of the ConfigMap that holds the library's settings.
        secret: name of the Secret that holds its credentials.
        config_maps: further ConfigMaps by name, with the keys that become variables.
        secrets: further Secrets by name, with the keys that become variables.
        cpu_request, cpu_limit, memory_request, memory_limit: quantities of Kubernetes.
        accelerator_type, accelerator_count: such as ``nvidia.com/gpu`` and 1.
        retries: how often KFP may start the step again; 0 never.
        timeout_seconds: after which the pod is ended.
        tmp: size of an empty folder mounted at ``/tmp``, for images with a read-only root file system.
        cache: whether KFP may answer from its cache.
    """

    config_map: str | None = None
    secret: str | None = None
    config_maps: Keys = field(default_factory=dict)
    secrets: Keys = field(default_factory=dict)
    cpu_request: str | None = None
    cpu_limit: str | None = None
    memory_request: str | None = None
    memory_limit: str | None = None
    accelerator_type: str | None = None
    accelerator_count: int | None = None
    node_selector: Names = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] | None = None
    retries: int | None = None
    timeout_seconds: int | None = None
    tmp: str | None = None
    labels: Names = field(default_factory=dict)
    annotations: Names = field(default_factory=dict)
    image_pull_secrets: tuple[str, ...] | None = None
    cache: bool | None = None

    def over(self, other: TaskSettings) -> TaskSettings:
        """These settings, and the other's where these say nothing; mappings are joined key by key."""
        chosen: dict[str, Any] = {}
        for it in fields(self):
            own, below = getattr(self, it.name), getattr(other, it.name)
            chosen[it.name] = {**below, **own} if isinstance(own, Mapping) else below if own is None else own
        return replace(self, **chosen)


@dataclass(frozen=True)
class Settings:
    """A settings file: ``defaults`` for every task, ``tasks`` by component."""

    defaults: TaskSettings = TaskSettings()
    tasks: Mapping[str, TaskSettings] = field(default_factory=dict)

    def own(self, name: str) -> TaskSettings:
        """What the file says of this component alone."""
        return self.tasks.get(name, TaskSettings())
