"""Declared schedules as the recurring runs of the KFP API, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import kfp_server_api

from kfp_lifecycle.core.schedule_marks import Mark, described, read_mark
from kfp_lifecycle.core.schedule_plan import Found, Wanted
from kfp_lifecycle.core.schedules import LATEST
from kfp_lifecycle.core.window import format_time

_Trigger = tuple[str, int, datetime | None, datetime | None]


def body(wanted: Wanted, start: datetime | None, experiment_id: str, namespace: str) -> Any:
    """The recurring run to send; switched off, so that it fires nothing before its predecessor is off."""
    schedule = wanted.schedule
    if schedule.cron:
        trigger = kfp_server_api.V2beta1Trigger(
            cron_schedule=kfp_server_api.V2beta1CronSchedule(
                cron=schedule.cron, start_time=start, end_time=schedule.end
            )
        )
    else:
        trigger = kfp_server_api.V2beta1Trigger(
            periodic_schedule=kfp_server_api.V2beta1PeriodicSchedule(
                interval_second=str(schedule.every), start_time=start, end_time=schedule.end
            )
        )
    return kfp_server_api.V2beta1RecurringRun(
        display_name=schedule.name,
        description=described(Mark(wanted.owner, schedule.name, wanted.digest, schedule.start)),
        experiment_id=experiment_id,
        namespace=namespace or None,
        pipeline_version_reference=kfp_server_api.V2beta1PipelineVersionReference(
            pipeline_id=wanted.pipeline_id, pipeline_version_id=wanted.version_id or None
        ),
        runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters=schedule.parameters),
        service_account=schedule.service_account or None,
        max_concurrency=str(schedule.max_concurrency),
        no_catchup=not schedule.catch_up,
        trigger=trigger,
        mode=kfp_server_api.RecurringRunMode.DISABLE,
    )


def found(item: Any) -> Found:
    """What the API has; in ``content`` pipeline, version and experiment are ids."""
    mark = read_mark(item.description or "", item.display_name)
    cron, every, start, end = _trigger(item.trigger)
    declared_start = mark.start if mark else start
    pipeline_id, version_id = _reference(item)
    enabled = is_enabled(item)
    return Found(
        id=item.recurring_run_id,
        name=item.display_name,
        owner=mark.owner if mark else "",
        digest=mark.digest if mark else "",
        enabled=enabled,
        created=utc(item.created_at),
        cron=cron,
        every=every,
        start=start,
        content={
            "pipeline": pipeline_id,
            "version": version_id or LATEST,
            "cron": cron,
            "every": every,
            "start": format_time(declared_start) if declared_start else "",
            "end": format_time(end) if end else "",
            "max_concurrency": int(item.max_concurrency or 0),
            "catch_up": not item.no_catchup,
            "enabled": enabled,
            "parameters": _parameters(item),
            "experiment": item.experiment_id or "",
            "service_account": item.service_account or "",
        },
    )


def deviations(sent: Any, kept: Any) -> list[str]:
    """The fields that the API keeps otherwise than they were sent.

    Its defaults are no deviations, such as a service account where none was given.
    """
    pairs = {
        "description": (sent.description, kept.description),
        "pipeline": (_reference(sent), _reference(kept)),
        "parameters": (_parameters(sent), _parameters(kept)),
        "trigger": (_trigger(sent.trigger), _trigger(kept.trigger)),
        "max_concurrency": (int(sent.max_concurrency), int(kept.max_concurrency or 0)),
        "no_catchup": (bool(sent.no_catchup), bool(kept.no_catchup)),
        "experiment": (sent.experiment_id, kept.experiment_id),
    }
    if sent.service_account:
        pairs["service_account"] = (sent.service_account, kept.service_account)
    return [name for name, (one, other) in pairs.items() if not _same(one, other)]


def is_enabled(item: Any) -> bool:
    """Whether it fires."""
    return bool(item.mode == kfp_server_api.RecurringRunMode.ENABLE)


def utc(moment: datetime) -> datetime:
    """The API's times are in UTC, also where they do not say so."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _reference(item: Any) -> tuple[str, str]:
    reference = item.pipeline_version_reference
    return (reference.pipeline_id or "", reference.pipeline_version_id or "") if reference else ("", "")


def _parameters(item: Any) -> Mapping[str, Any]:
    return (item.runtime_config.parameters or {}) if item.runtime_config else {}


def _trigger(trigger: Any) -> _Trigger:
    cron = trigger.cron_schedule if trigger else None
    periodic = trigger.periodic_schedule if trigger else None
    timed = cron or periodic
    start, end = (_moment(timed.start_time), _moment(timed.end_time)) if timed else (None, None)
    return (cron.cron or "" if cron else "", int(periodic.interval_second or 0) if periodic else 0, start, end)


def _moment(moment: datetime | None) -> datetime | None:
    return utc(moment).replace(microsecond=0) if moment else None


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON, in which 1 and 1.0 are one number, and true is none."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
