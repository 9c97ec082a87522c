"""Who owns which fields: metadata.managedFields, decoded and encoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kfp_lifecycle.local.kubernetes_api.comparison import Fields, Path
from kfp_lifecycle.local.kubernetes_api.fieldsets import from_tree, spell, to_tree


class Manager(NamedTuple):
    """Identity of an owner. The same client that applies and that updates is two managers."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def spelled(self) -> str:
        """As a conflict message names it; an applier goes by its name alone."""
        text = f'"{self.name}"'
        if self.operation == "Apply":
            return text
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}"


@dataclass(frozen=True)
class Owned:
    """Fields of one manager and when it last changed them (RFC 3339, whole seconds)."""

    fields: Fields
    time: str


Managers = dict[Manager, Owned]

# The server's own bookkeeping; nobody owns it.
_NOBODY = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", "f:" + name)
            for name in (
                "name",
                "namespace",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "selfLink",
                "uid",
                "generation",
                "resourceVersion",
            )
        ),
    }
)


def ownable(fields: Iterable[Path]) -> Fields:
    return frozenset(path for path in fields if path not in _NOBODY and path[:2] != ("f:metadata", "f:managedFields"))


def decode(entries: Iterable[Mapping[str, Any]]) -> Managers:
    return {
        Manager(entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")): Owned(
            from_tree(entry["fieldsV1"]), entry["time"]
        )
        for entry in entries
    }


def encode(managers: Managers) -> list[dict[str, Any]]:
    """Appliers first, then by time and name; managers without a field are left out."""
    rows = []
    order = sorted(managers.items(), key=lambda item: (item[0].operation, item[1].time, item[0].name))
    for manager, owned in order:
        if not owned.fields:
            continue
        row: dict[str, Any] = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": manager.api_version,
            "time": owned.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_tree(owned.fields),
        }
        if manager.subresource:
            row["subresource"] = manager.subresource
        rows.append(row)
    return rows


class ApplyConflict(Exception):
    """An apply would change fields that others own."""

    def __init__(self, taken: Mapping[Manager, Fields]) -> None:
        self.taken = [(manager, path) for manager in sorted(taken) for path in sorted(taken[manager])]
        super().__init__(self._message())

    def _message(self) -> str:
        count = len(self.taken)
        text = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: "
        groups: dict[Manager, list[str]] = {}
        for manager, path in self.taken:
            groups.setdefault(manager, []).append(spell(path))
        if count == 1:
            manager, path = self.taken[0]
            return f"{text}conflict with {manager.spelled()}: {spell(path)}"
        lines = []
        for manager, paths in groups.items():
            lines.append(f"conflicts with {manager.spelled()}:\n" + "\n".join("- " + path for path in paths))
        return text + "\n".join(lines)

    def causes(self) -> list[tuple[str, str]]:
        """(message, field) per conflict."""
        return [(f"conflict with {manager.spelled()}", spell(path)) for manager, path in self.taken]
