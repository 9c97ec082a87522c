"""Answers about recurring runs."""

from __future__ import annotations

import time
import uuid
from typing import Any

from kfp_lifecycle.local.kfp_api import (
    columns,
    errors,
    messages,
    orders,
    paging,
    recurring_runs,
    rendering,
    run_routes,
    triggers,
)
from kfp_lifecycle.local.kfp_api.calls import Call
from kfp_lifecycle.local.kfp_api.database import transaction
from kfp_lifecycle.local.kfp_api.recurring_runs import RecurringRun

_MOST_CONCURRENT = 10
_MODES = {"ENABLE": True, "DISABLE": False, 1: True, 2: False}


def find(call: Call) -> RecurringRun:
    """The caller's recurring run of the path's id.

    Raises:
        ApiError: 404.
    """
    identity = call.ids["recurring_run_id"]
    return call.visible(recurring_runs.get(call.connection, identity), "recurring run", identity)


def create(call: Call) -> dict[str, Any]:
    """CreateRecurringRun."""
    mode = call.message.get("mode")
    if not isinstance(mode, str | int) or mode not in _MODES:
        raise errors.invalid(f"mode must be ENABLE or DISABLE, not {str(mode)[:100]!r}")
    concurrency = messages.whole(call.message, "max_concurrency")
    if not 1 <= concurrency <= _MOST_CONCURRENT:
        raise errors.invalid(f"max_concurrency must be from 1 to {_MOST_CONCURRENT}, not {concurrency}")
    trigger = triggers.checked(messages.nested(call.message, "trigger"))
    now = time.time()
    with transaction(call.connection):
        order = orders.read(call)
        made = RecurringRun(
            id=str(uuid.uuid4()),
            name=messages.name(call.message, "display_name"),
            experiment_id=order.experiment.id,
            namespace=order.experiment.namespace,
            description=messages.text(call.message, "description"),
            pipeline_id=order.pipeline_id,
            version_id=order.version_id,
            documents=[] if order.version_id is None else order.documents,
            parameters=order.parameters,
            caching=None,
            service_account=messages.text(call.message, "service_account"),
            max_concurrency=concurrency,
            no_catchup=messages.flag(call.message, "no_catchup"),
            trigger=trigger,
            enabled=_MODES[mode],
            created=now,
            updated=now,
        )
        recurring_runs.insert(call.connection, made)
    call.wake()
    return rendering.recurring_run(made)


def get(call: Call) -> dict[str, Any]:
    """GetRecurringRun."""
    return rendering.recurring_run(find(call))


def listing(call: Call) -> dict[str, Any]:
    """ListRecurringRuns, of an experiment or a namespace."""
    where, values = run_routes.scope(call)
    page = paging.page(call.connection, columns.RECURRING_RUNS, RecurringRun, call.query, where=where, values=values)
    return {
        # The one name in camelCase: so the generated client has it.
        "recurringRuns": [rendering.recurring_run(row) for row in page.rows],
        "total_size": page.total,
        "next_page_token": page.next_token,
    }


def enable(call: Call) -> dict[str, Any]:
    """EnableRecurringRun."""
    return _set_enabled(call, True)


def disable(call: Call) -> dict[str, Any]:
    """DisableRecurringRun; a run of it that goes on is not ended."""
    return _set_enabled(call, False)


def delete(call: Call) -> dict[str, Any]:
    """DeleteRecurringRun; its runs stay."""
    with transaction(call.connection):
        recurring_runs.delete(call.connection, find(call).id)
    call.wake()
    return {}


def _set_enabled(call: Call, value: bool) -> dict[str, Any]:
    with transaction(call.connection):
        recurring_runs.set_enabled(call.connection, find(call).id, value)
    call.wake()
    return {}
