"""Answers about experiments."""

from __future__ import annotations

import sqlite3
import time
import uuid
from typing import Any

from kfp_lifecycle.local.kfp_api import columns, errors, experiments, messages, paging, rendering
from kfp_lifecycle.local.kfp_api.calls import Call
from kfp_lifecycle.local.kfp_api.database import transaction
from kfp_lifecycle.local.kfp_api.experiments import Experiment


def find(call: Call, identity: str) -> Experiment:
    """The caller's experiment of this id.

    Raises:
        ApiError: 404.
    """
    return call.visible(experiments.get(call.connection, identity), "experiment", identity)


def create(call: Call) -> dict[str, Any]:
    """CreateExperiment."""
    made = Experiment(
        id=str(uuid.uuid4()),
        name=messages.name(call.message, "display_name"),
        namespace=call.caller.permitted(messages.text(call.message, "namespace")),
        description=messages.text(call.message, "description"),
        created=time.time(),
    )
    try:
        experiments.insert(call.connection, made)
    except sqlite3.IntegrityError as error:
        raise errors.taken("experiment", made.name) from error
    return rendering.experiment(made)


def get(call: Call) -> dict[str, Any]:
    """GetExperiment."""
    return _shown(call, find(call, call.ids["experiment_id"]))


def listing(call: Call) -> dict[str, Any]:
    """ListExperiments."""
    namespace = call.caller.permitted(call.query.get("namespace", ""))
    page = paging.page(
        call.connection, columns.EXPERIMENTS, Experiment, call.query, where="namespace = ?", values=(namespace,)
    )
    return {
        "experiments": [_shown(call, row) for row in page.rows],
        "total_size": page.total,
        "next_page_token": page.next_token,
    }


def archive(call: Call) -> dict[str, Any]:
    """ArchiveExperiment: its runs go along, its recurring runs are disabled."""
    return _set_archived(call, True)


def unarchive(call: Call) -> dict[str, Any]:
    """UnarchiveExperiment: its runs stay archived and its recurring runs disabled, as in KFP."""
    return _set_archived(call, False)


def delete(call: Call) -> dict[str, Any]:
    """DeleteExperiment: its runs and recurring runs stay, as in KFP."""
    with transaction(call.connection):
        experiments.delete(call.connection, find(call, call.ids["experiment_id"]).id)
    return {}


def _set_archived(call: Call, archived: bool) -> dict[str, Any]:
    with transaction(call.connection):
        experiments.set_archived(call.connection, find(call, call.ids["experiment_id"]).id, archived)
    return {}


def _shown(call: Call, row: Experiment) -> dict[str, Any]:
    return rendering.experiment(row, experiments.last_run(call.connection, row.id))
