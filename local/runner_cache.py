"""``kfp.local``'s cache, with a word about each task that it answers."""

from __future__ import annotations

import threading
from typing import Any

from kfp import dsl
from kfp.local import cache

from kfp_lifecycle.local.runner_watcher import tell

_PREFIX = "comp-"


class ToldCache(cache.LocalCache):  # type: ignore[misc]  # kfp has no types
    """Tells of each hit, which ``kfp.local`` does not: such a task starts no process that could."""

    def __init__(self, cache_root: str) -> None:
        super().__init__(cache_root)
        self._asked = threading.local()

    def compute_key(self, component_name: str, *args: Any, **named: Any) -> str:
        """As in ``kfp.local``, which asks for a task's outputs right after this in the same thread."""
        self._asked.task = component_name.removeprefix(_PREFIX)
        self._asked.inputs = named.get("arguments", {})
        key: str = super().compute_key(component_name, *args, **named)
        return key

    def get(self, key: str) -> dict[str, Any] | None:
        """The outputs that were made under this key."""
        outputs: dict[str, Any] | None = super().get(key)
        if outputs is not None:
            made = _values(outputs)
            tell(
                event="cached",
                task=self._asked.task,
                inputs=_values(self._asked.inputs),
                outputs=made["parameters"],
                artifacts=made["artifacts"],
            )
        return outputs


def install() -> None:
    """Let ``kfp.local`` make its cache of this class; it knows no other way to give it one."""
    cache.LocalCache = ToldCache


def _values(values: dict[str, Any]) -> dict[str, Any]:
    """Parameters and artifacts apart, in the form in which a watcher tells them."""
    parameters, artifacts = {}, {}
    for name, value in values.items():
        listed = value if isinstance(value, list) else [value]
        if listed and all(isinstance(one, dsl.Artifact) for one in listed):
            artifacts[name] = [{"uri": one.uri, "type": one.schema_title, "metadata": one.metadata} for one in listed]
        else:
            parameters[name] = value
    return {"parameters": parameters, "artifacts": artifacts}
