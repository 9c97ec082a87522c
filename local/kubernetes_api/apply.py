"""Server-side apply and the ownership that other writes leave behind. Pure: objects in, objects and managers out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kfp_lifecycle.local.kubernetes_api.comparison import Comparison, Fields, compare, field_set
from kfp_lifecycle.local.kubernetes_api.fieldsets import to_tree, with_parents
from kfp_lifecycle.local.kubernetes_api.managers import ApplyConflict, Manager, Managers, Owned, ownable
from kfp_lifecycle.local.kubernetes_api.merging import merge, remove
from kfp_lifecycle.local.kubernetes_api.schema import Schema


def owners_after_update(
    live: Any, new: Any, schema: Schema, managers: Managers, manager: Manager, now: str
) -> Managers:
    """Ownership after a create, replace or patch: who changes a field takes it from everybody else."""
    change = compare(live, new, schema)
    after = _without(managers, None, change)
    written = ownable(change.written)
    if written:
        before = after[manager].fields if manager in after else frozenset()
        after[manager] = Owned(before | written, now)
    return _kept(after)


def apply(
    live: Any, config: Any, schema: Schema, managers: Managers, manager: Manager, *, now: str, force: bool
) -> tuple[Any, Managers]:
    """The object after `manager` applied `config`, and the ownership after it.

    What the manager applied before and no longer says is removed, unless somebody else owns it too.

    Raises:
        ApplyConflict: the apply would change a field that another manager owns, and `force` is not set.
    """
    merged = merge(live, config, schema)
    own = ownable(field_set(config, schema))
    before = managers.get(manager)
    after = {**managers, manager: Owned(own, before.time if before else now)}
    if before and before.fields:
        merged = _pruned(merged, schema, before.fields, after)
    change = compare(live, merged, schema)
    taken = {
        other: owned.fields & change.written
        for other, owned in managers.items()
        if other != manager and owned.fields & change.written
    }
    if taken and not force:
        raise ApplyConflict(taken)
    after = _kept(_without(after, manager, change))
    if manager in after and not (change.empty and before and before.fields == own):
        after[manager] = replace(after[manager], time=now)
    return merged, after


def _pruned(merged: Any, schema: Schema, before: Fields, after: Managers) -> Any:
    """Without the fields that were the applier's and are nobody's now."""
    owned: set[tuple[str, ...]] = set()
    for entry in after.values():
        owned |= entry.fields
    present = with_parents(field_set(merged, schema), schema)
    # metadata itself stays: it holds the name, which nobody owns.
    gone = (with_parents(before, schema) & present) - with_parents(owned, schema) - {("f:metadata",)}
    return remove(merged, schema, to_tree(gone)) if gone else merged


def _without(managers: Managers, manager: Manager | None, change: Comparison) -> Managers:
    """All but `manager` lose what this write changes or removes."""
    lost = change.written | change.removed
    return {
        other: owned if other == manager or not owned.fields & lost else replace(owned, fields=owned.fields - lost)
        for other, owned in managers.items()
    }


def _kept(managers: Managers) -> Managers:
    return {manager: owned for manager, owned in managers.items() if owned.fields}
