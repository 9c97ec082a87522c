"""Rows as the JSON that the models of ``kfp_server_api`` read; fields without a value are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kfp_lifecycle.local.kfp_api import packages, states
from kfp_lifecycle.local.kfp_api.experiments import Experiment
from kfp_lifecycle.local.kfp_api.moments import rendered
from kfp_lifecycle.local.kfp_api.pipelines import Pipeline, Version
from kfp_lifecycle.local.kfp_api.recurring_runs import RecurringRun
from kfp_lifecycle.local.kfp_api.runs import Run
from kfp_lifecycle.local.kfp_api.tasks import Task

_INTERNAL = 13


def experiment(row: Experiment, last_run: float | None = None) -> dict[str, Any]:
    """V2beta1Experiment."""
    return _filled(
        experiment_id=row.id,
        display_name=row.name,
        description=row.description,
        created_at=rendered(row.created),
        namespace=row.namespace,
        storage_state=_storage(row.archived),
        last_run_created_at=rendered(last_run),
    )


def pipeline(row: Pipeline) -> dict[str, Any]:
    """V2beta1Pipeline."""
    return _filled(
        pipeline_id=row.id,
        name=row.name,
        display_name=row.display_name,
        description=row.description,
        created_at=rendered(row.created),
        namespace=row.namespace,
    )


def version(row: Version) -> dict[str, Any]:
    """V2beta1PipelineVersion."""
    return _filled(
        pipeline_id=row.pipeline_id,
        pipeline_version_id=row.id,
        name=row.name,
        display_name=row.display_name,
        description=row.description,
        created_at=rendered(row.created),
        pipeline_spec=packages.to_message(row.documents),
    )


def run(row: Run, tasks: Sequence[Task] | None = None) -> dict[str, Any]:
    """V2beta1Run, with its tasks in ``run_details`` where they are given."""
    return _filled(
        run_id=row.id,
        display_name=row.name,
        experiment_id=row.experiment_id,
        description=row.description,
        storage_state=_storage(row.archived),
        **_source(row.pipeline_id, row.version_id, row.documents),
        runtime_config={"parameters": row.parameters},
        service_account=row.service_account,
        created_at=rendered(row.created),
        scheduled_at=rendered(row.scheduled),
        finished_at=rendered(row.finished),
        state=_asked_to_end(row),
        error=_error(row.error),
        recurring_run_id=row.recurring_run_id,
        state_history=[_status(*entry) for entry in row.history],
        run_details=None if tasks is None else {"task_details": [task(one) for one in tasks]},
    )


def task(row: Task) -> dict[str, Any]:
    """V2beta1PipelineTaskDetail. Artifacts have no ids here, so it has no inputs and outputs."""
    return _filled(
        run_id=row.run_id,
        task_id=f"{row.run_id}-{row.number}",
        display_name=row.name,
        create_time=rendered(row.started),
        start_time=rendered(row.started),
        end_time=rendered(row.finished),
        state=row.state,
        error=_error(row.error),
    )


def recurring_run(row: RecurringRun) -> dict[str, Any]:
    """V2beta1RecurringRun."""
    return _filled(
        recurring_run_id=row.id,
        display_name=row.name,
        description=row.description,
        **_source(row.pipeline_id, row.version_id or "", row.documents),
        runtime_config={"parameters": row.parameters},
        service_account=row.service_account,
        max_concurrency=str(row.max_concurrency),
        trigger=_trigger(row.trigger),
        mode="ENABLE" if row.enabled else "DISABLE",
        status="ENABLED" if row.enabled else "DISABLED",
        created_at=rendered(row.created),
        updated_at=rendered(row.updated),
        no_catchup=row.no_catchup,
        namespace=row.namespace,
        experiment_id=row.experiment_id,
    )


def _source(pipeline_id: str, version_id: str, documents: list[Any]) -> dict[str, Any]:
    """One of the two ways in which KFP names what is run."""
    if not pipeline_id:
        return {"pipeline_spec": packages.to_message(documents)}
    reference = _filled(pipeline_id=pipeline_id, pipeline_version_id=version_id)
    return {"pipeline_version_reference": reference}


def _asked_to_end(row: Run) -> str:
    ending = row.terminate and row.state in (states.PENDING, states.RUNNING)
    return states.CANCELING if ending else row.state


def _trigger(stored: dict[str, Any]) -> dict[str, Any]:
    # 64-bit numbers are texts in proto JSON.
    [(kind, schedule)] = stored.items()
    return {kind: {name: str(value) for name, value in schedule.items()}}


def _status(moment: float, state: str, error: str) -> dict[str, Any]:
    return _filled(update_time=rendered(moment), state=state, error=_error(error))


def _error(text: str) -> dict[str, Any] | None:
    return {"code": _INTERNAL, "message": text} if text else None


def _storage(archived: bool) -> str:
    return "ARCHIVED" if archived else "AVAILABLE"


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value != ""}
