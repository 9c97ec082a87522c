"""Declared schedules with the pipelines and versions that their names stand for, checked before anything is written."""

from __future__ import annotations

from dataclasses import replace

from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_pipelines import Pipeline, Version, find_pipeline, find_version, latest_version
from kfp_lifecycle.core import pipeline_inputs
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.schedule_plan import Wanted
from kfp_lifecycle.core.schedules import LATEST, Declared, Schedule


def resolved(connection: KfpConnection, declared: Declared) -> list[Wanted]:
    """Every schedule of a file.

    Raises:
        InputError: names file and line of an unknown pipeline, version or parameter, a parameter that is missing, or a
            value that is not of its type.
        KfpError: the API refused or did not answer.
    """
    pipelines: dict[str, Pipeline | None] = {}
    versions: dict[tuple[str, str], Version | None] = {}
    wanted = []
    for schedule in declared.schedules:
        if schedule.pipeline not in pipelines:
            pipelines[schedule.pipeline] = find_pipeline(connection, schedule.pipeline)
        pipeline = pipelines[schedule.pipeline]
        if pipeline is None:
            raise _absent(connection, declared, schedule, "pipeline", schedule.pipeline, "an uploaded pipeline")
        key = (pipeline.id, schedule.version)
        if key not in versions:
            latest = schedule.version == LATEST
            versions[key] = latest_version(connection, pipeline.id) if latest else find_version(connection, *key)
        version = versions[key]
        if version is None:
            what = f"a version of {schedule.pipeline!r}"
            raise _absent(connection, declared, schedule, "version", schedule.version, what)
        parameters = _parameters(declared, schedule, version)
        version_id = "" if schedule.version == LATEST else version.id
        wanted.append(Wanted(declared.owner, replace(schedule, parameters=parameters), pipeline.id, version_id))
    return wanted


def _parameters(declared: Declared, schedule: Schedule, version: Version) -> dict[str, object]:
    inputs = pipeline_inputs.declared(version.spec)
    try:
        return pipeline_inputs.arguments(schedule.parameters, inputs, schedule.pipeline)
    except InputError as error:
        place = (*schedule.location, "parameters", error.parameter)
        raise InputError(declared.file.where(place), error.value, error.expected, error.remedy) from error


def _absent(
    connection: KfpConnection, declared: Declared, schedule: Schedule, key: str, name: str, what: str
) -> InputError:
    where = f" in namespace {connection.namespace!r}" if connection.namespace else ""
    return InputError(
        declared.file.where((*schedule.location, key)),
        name,
        f"the name of {what}{where} at {connection.host}",
        "Upload it first with `kfp-lifecycle upload`, or correct the name.",
    )
