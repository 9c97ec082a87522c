"""Recurring runs of the KFP API that are declared in files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import kfp_server_api

from kfp_lifecycle.adapters import kfp_experiments
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpAbsent
from kfp_lifecycle.adapters.kfp_pipelines import PAGE, named
from kfp_lifecycle.adapters.kfp_schedule_bodies import body, deviations, found, utc
from kfp_lifecycle.core.schedule_plan import Found, Kind, Wanted
from kfp_lifecycle.core.schedules import LATEST


class ScheduleNotKept(RuntimeError):
    """The API took a recurring run and keeps something else than it was sent."""


def list_schedules(connection: KfpConnection, name: str = "") -> list[Found]:
    """The recurring runs of the connection's namespace, or those of one name.

    Raises:
        KfpError: the API refused or did not answer.
    """
    service = kfp_server_api.RecurringRunServiceApi(connection.client)
    asked = {"namespace": connection.namespace, **({"filter": named(name)} if name else {})}
    listed: list[Found] = []
    token = ""
    while True:
        answer = connection.read(
            "list recurring runs",
            service.recurring_run_service_list_recurring_runs,
            page_token=token,
            page_size=PAGE,
            **asked,
        )
        # The API compares names without case.
        listed += [found(item) for item in answer.recurring_runs or () if name in ("", item.display_name)]
        token = answer.next_page_token or ""
        if not token:
            return listed


def last_slot(connection: KfpConnection, recurring_run_id: str) -> datetime | None:
    """The time for which it started its last run; None where no run of it is left.

    Raises:
        KfpError: the API refused or did not answer.
    """
    predicate = {"operation": "EQUALS", "key": "recurring_run_id", "string_value": recurring_run_id}
    answer = connection.read(
        "find the last run of a recurring run",
        kfp_server_api.RunServiceApi(connection.client).run_service_list_runs,
        namespace=connection.namespace,
        page_size=1,
        sort_by="scheduled_at desc",
        filter=json.dumps({"predicates": [predicate]}),
    )
    slots = [run.scheduled_at for run in answer.runs or () if run.recurring_run_id == recurring_run_id]
    return utc(slots[0]) if slots and slots[0] else None


def create(connection: KfpConnection, wanted: Wanted, start: datetime | None) -> None:
    """Make a recurring run, switched off, and its experiment where there is none.

    Raises:
        KfpError: the API refused or did not answer.
    """
    experiment_id = kfp_experiments.ensure(connection, wanted.schedule.experiment)
    connection.write(
        f"create the recurring run {wanted.schedule.name!r}",
        kfp_server_api.RecurringRunServiceApi(connection.client).recurring_run_service_create_recurring_run,
        recurring_run=body(wanted, start, experiment_id, connection.namespace),
    )


def verify(connection: KfpConnection, wanted: Wanted, kept: Found) -> None:
    """See that the API keeps a recurring run that is switched off as it was declared; if not, delete it.

    Raises:
        KfpError: the API refused or did not answer.
        ScheduleNotKept: it keeps something else.
    """
    service = kfp_server_api.RecurringRunServiceApi(connection.client)
    item = connection.read(
        "read a recurring run back", service.recurring_run_service_get_recurring_run, recurring_run_id=kept.id
    )
    experiment_id = kfp_experiments.ensure(connection, wanted.schedule.experiment)
    if wrong := deviations(body(wanted, kept.start, experiment_id, connection.namespace), item):
        change(connection, Kind.DELETE, kept.id)
        raise ScheduleNotKept(
            f"the KFP API at {connection.host} kept another {', '.join(wrong)} of {wanted.schedule.name!r} than it was "
            "sent. The new recurring run was deleted, and its predecessor is as it was."
        )


def change(connection: KfpConnection, kind: Kind, recurring_run_id: str) -> None:
    """Enable, disable or delete a recurring run; runs under way go on, and stay.

    Raises:
        KfpError: the API refused or did not answer.
    """
    service = kfp_server_api.RecurringRunServiceApi(connection.client)
    calls: dict[Kind, Callable[..., Any]] = {
        Kind.ENABLE: service.recurring_run_service_enable_recurring_run,
        Kind.DISABLE: service.recurring_run_service_disable_recurring_run,
        Kind.DELETE: service.recurring_run_service_delete_recurring_run,
    }
    connection.write(f"{kind} the recurring run {recurring_run_id}", calls[kind], recurring_run_id=recurring_run_id)


def with_names(connection: KfpConnection, it: Found) -> Found:
    """The same with the names of its pipeline, version and experiment in ``content``, for people to read.

    Raises:
        KfpError: the API refused or did not answer.
    """
    pipelines = kfp_server_api.PipelineServiceApi(connection.client)
    experiments = kfp_server_api.ExperimentServiceApi(connection.client)
    pipeline, version, experiment = (it.content[key] for key in ("pipeline", "version", "experiment"))

    def name(identity: str, call: Callable[..., Any], **arguments: str) -> str:
        try:
            item = connection.read("read a name", call, **arguments)
        except KfpAbsent:
            return f"{identity} (deleted)"
        return str(getattr(item, "name", None) or item.display_name)

    content = dict(it.content)
    if pipeline and version != LATEST:
        content["version"] = name(
            version,
            pipelines.pipeline_service_get_pipeline_version,
            pipeline_id=pipeline,
            pipeline_version_id=version,
        )
    if pipeline:
        content["pipeline"] = name(pipeline, pipelines.pipeline_service_get_pipeline, pipeline_id=pipeline)
    if experiment:
        content["experiment"] = name(
            experiment, experiments.experiment_service_get_experiment, experiment_id=experiment
        )
    return replace(it, content=content)
