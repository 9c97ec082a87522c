"""A settings file, read strictly: what is misspelt or out of place is refused, with the way to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kfp_lifecycle.components import face_modules, metadata
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.located_yaml import read_located
from kfp_lifecycle.pipelines import setting_values as values
from kfp_lifecycle.pipelines.setting_values import Place, matching
from kfp_lifecycle.pipelines.task_settings import Settings, TaskSettings

_OBJECT = matching(values.OBJECT, "the name of an object of Kubernetes", "team-lifecycle")
_COMPONENT = matching(values.VARIABLE, "the name of a component's function", "add_ratios")
_CPU = matching(values.CPU, "a number of CPUs, or of thousandths with m", "500m or 2")
_MEMORY = matching(values.MEMORY, "a number of bytes, with K, M, G, T, P, E or Ki to Ei", "2Gi")
_CHECKS: dict[str, Callable[[Place], Any]] = {
    "config_map": _OBJECT,
    "secret": _OBJECT,
    "config_maps": values.variables,
    "secrets": values.variables,
    "node_selector": values.texts(values.LABEL_KEY, values.LABEL_VALUE, "a label of a node"),
    "tolerations": values.tolerations,
    "retries": values.whole_number(0, 10),
    "timeout_seconds": values.whole_number(1, 10**7),
    "tmp": _MEMORY,
    "labels": values.texts(values.LABEL_KEY, values.LABEL_VALUE, "a label: at most 63 letters, digits, . _ -"),
    "annotations": values.texts(values.LABEL_KEY, None, "an annotation, which is text"),
    "image_pull_secrets": values.objects,
    "cache": values.true_or_false,
}
# Written as a mapping in the file: what each part is called in TaskSettings, and its check.
_GROUPS: dict[str, dict[str, tuple[str, Callable[[Place], Any]]]] = {
    "cpu": {"request": ("cpu_request", _CPU), "limit": ("cpu_limit", _CPU)},
    "memory": {"request": ("memory_request", _MEMORY), "limit": ("memory_limit", _MEMORY)},
    "accelerator": {
        "type": ("accelerator_type", matching(values.LABEL_KEY, "the resource's name", "nvidia.com/gpu")),
        "count": ("accelerator_count", values.whole_number(1, 64)),
    },
}
TOP = ("defaults", "tasks", "own_components")
KEYS = (*_CHECKS, *_GROUPS)


def load_task_settings(path: str | Path) -> Settings:
    """Read a settings file.

    Args:
        path: of a YAML file with ``defaults``, ``tasks`` by component, and ``own_components``: the names of the
            user's own, which ``tasks`` may hold beside those of this library.

    Raises:
        InputError: something in it is unknown or no valid value; the error names the place in the file.
    """
    content = read_located(path)
    parts = Place(content, (), {} if content.value is None else content.value).parts(TOP)
    tasks = parts["tasks"].parts() if "tasks" in parts else {}
    own = parts["own_components"].items() if "own_components" in parts else []
    _check_names(tasks, [_COMPONENT(place) for place in own])
    settings = Settings(
        defaults=_block(parts["defaults"]) if "defaults" in parts else TaskSettings(),
        tasks={name: _block(place) for name, place in sorted(tasks.items())},
    )
    _check_caching(settings, tasks)
    return settings


def _check_names(tasks: dict[str, Place], own: Sequence[str]) -> None:
    known = sorted({*face_modules(), *own})
    for name, place in tasks.items():
        if name not in known:
            likely = name.replace("-", "_")
            hint = f"Write {likely}." if likely in known else "List your own components under own_components."
            raise InputError(place.path, name, f"a component's name, one of {', '.join(known)}", hint)


def _check_caching(settings: Settings, tasks: dict[str, Place]) -> None:
    folders = metadata.folders()
    for name, block in settings.tasks.items():
        if block.cache and name in folders and not metadata.load(folders[name]).cacheable:
            raise InputError(
                f"{tasks[name].path}.cache",
                True,
                f"false, as {name} acts on the world or reads what may change",
                f"components/{folders[name].name}/README.md says what it does.",
            )


def _block(place: Place) -> TaskSettings:
    found: dict[str, Any] = {}
    for name, part in place.parts(KEYS).items():
        if name in _CHECKS:
            found[name] = _CHECKS[name](part)
            continue
        group = _GROUPS[name]
        for key, inner in part.parts(tuple(group)).items():
            field, check = group[key]
            found[field] = check(inner)
    if ("accelerator_type" in found) != ("accelerator_count" in found):
        raise place.parts()["accelerator"].refuse("both type and count", "Write {type: nvidia.com/gpu, count: 1}.")
    return TaskSettings(**found)
