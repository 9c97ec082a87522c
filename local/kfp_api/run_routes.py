"""Answers about runs."""

from __future__ import annotations

import time
import uuid
from typing import Any

from kfp_lifecycle.local.kfp_api import (
    columns,
    errors,
    experiments,
    messages,
    orders,
    paging,
    rendering,
    runs,
    states,
    tasks,
)
from kfp_lifecycle.local.kfp_api.calls import Call
from kfp_lifecycle.local.kfp_api.database import transaction
from kfp_lifecycle.local.kfp_api.runs import Run


def find(call: Call) -> Run:
    """The caller's run of the path's id, as it is told.

    Raises:
        ApiError: 404.
    """
    identity = call.ids["run_id"]
    return call.visible(runs.told(call.connection, identity), "run", identity)


def create(call: Call) -> dict[str, Any]:
    """CreateRun: from a spec, a version, or the latest version of a pipeline."""
    now = time.time()
    with transaction(call.connection):
        order = orders.read(call)
        made = Run(
            id=str(uuid.uuid4()),
            name=messages.name(call.message, "display_name"),
            experiment_id=order.experiment.id,
            namespace=order.experiment.namespace,
            description=messages.text(call.message, "description"),
            pipeline_id=order.pipeline_id,
            version_id=order.present_id,
            documents=order.documents,
            parameters=order.parameters,
            caching=None,
            service_account=messages.text(call.message, "service_account"),
            recurring_run_id="",
            created=now,
            scheduled=now,
            history=[[now, states.PENDING, ""]],
        )
        runs.insert(call.connection, made)
    call.wake()
    return rendering.run(made)


def get(call: Call) -> dict[str, Any]:
    """GetRun, with its tasks."""
    found = find(call)
    return rendering.run(found, tasks.of_run(call.connection, found.id))


def listing(call: Call) -> dict[str, Any]:
    """ListRuns, of an experiment or a namespace; without their tasks."""
    where, values = scope(call)
    page = paging.page(call.connection, columns.RUNS, Run, call.query, where=where, values=values)
    shown = [rendering.run(row) for row in page.rows]
    return {"runs": shown, "total_size": page.total, "next_page_token": page.next_token}


def scope(call: Call) -> tuple[str, list[str]]:
    """What of a list a caller may see, by the query's experiment_id or namespace."""
    experiment_id = call.query.get("experiment_id", "")
    if experiment_id:
        return "namespace = ? AND experiment_id = ?", [call.caller.namespace, experiment_id]
    return "namespace = ?", [call.caller.permitted(call.query.get("namespace", ""))]


def terminate(call: Call) -> dict[str, Any]:
    """TerminateRun: its end is asked for; the executor ends its processes."""
    with transaction(call.connection):
        found = find(call)
        if found.state in states.FINAL:
            raise errors.invalid(f"failed to terminate run {found.id}: it has ended already ({found.state})")
        runs.ask_to_end(call.connection, found.id)
    call.wake()
    return {}


def archive(call: Call) -> dict[str, Any]:
    """ArchiveRun."""
    with transaction(call.connection):
        runs.set_archived(call.connection, find(call).id, True)
    return {}


def unarchive(call: Call) -> dict[str, Any]:
    """UnarchiveRun: not while its experiment is archived."""
    with transaction(call.connection):
        found = find(call)
        experiment = experiments.get(call.connection, found.experiment_id)
        if experiment is not None and experiment.archived:
            raise errors.precondition(f"failed to unarchive run {found.id}: unarchive its experiment first")
        runs.set_archived(call.connection, found.id, False)
    return {}


def delete(call: Call) -> dict[str, Any]:
    """DeleteRun: not while it runs; its folder stays."""
    with transaction(call.connection):
        found = find(call)
        if found.state in (states.RUNNING, states.CANCELING):
            raise errors.precondition(f"run {found.id} is {found.state}: terminate it first, then delete it")
        runs.delete(call.connection, found.id)
    return {}


def retry(call: Call) -> dict[str, Any]:
    """RetryRun, which this API does not have."""
    raise errors.unimplemented(f"retry of run {find(call).id}; create a new run instead")
