"""What to run, made from a pipeline's name or its compiled file and from parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.adapters import kfp_experiments, kfp_pipelines
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_pipelines import Version
from kfp_lifecycle.adapters.kfp_runs import RunRequest
from kfp_lifecycle.core import pipeline_inputs
from kfp_lifecycle.core.errors import InputError


def newest(connection: KfpConnection, pipeline: str) -> tuple[str, Version]:
    """The id of an uploaded pipeline, and its newest version.

    Raises:
        InputError: there is no such pipeline, or it has no version.
        KfpError: the API refused or did not answer.
    """
    found = kfp_pipelines.find_pipeline(connection, pipeline)
    version = kfp_pipelines.latest_version(connection, found.id) if found else None
    if found is None or version is None:
        where = f" in namespace {connection.namespace!r}" if connection.namespace else ""
        raise InputError(
            "pipeline",
            pipeline,
            f"the name of an uploaded pipeline{where} at {connection.host}",
            "Upload it with `kfp-lifecycle upload`, or correct the name.",
        )
    return found.id, version


def pinned(connection: KfpConnection, pipeline: str, version: str) -> tuple[str, Version]:
    """The id of an uploaded pipeline, and its version of this name.

    Raises:
        InputError: there is no such pipeline or version.
        KfpError: the API refused or did not answer.
    """
    pipeline_id, _ = newest(connection, pipeline)
    found = kfp_pipelines.find_version(connection, pipeline_id, version)
    if found is None:
        raise InputError(
            "pipeline_version",
            version,
            f"the name of a version of {pipeline!r} at {connection.host}, or nothing for the newest",
            "Upload it with `kfp-lifecycle upload --tag`, or correct the name.",
        )
    return pipeline_id, found


def of_pipeline(
    connection: KfpConnection,
    pipeline: str,
    values: Mapping[str, Any],
    experiment: str = kfp_experiments.DEFAULT,
    service_account: str = "",
    *,
    version: str = "",
    offered: Mapping[str, Any] | None = None,
) -> RunRequest:
    """A run of an uploaded pipeline.

    Args:
        values: parameters; texts become what the pipeline declares.
        experiment: made where there is none.
        version: the name of one; empty takes the newest.
        offered: further parameters, for those that the pipeline has and ``values`` does not give.

    Raises:
        InputError: there is no such pipeline or version, or a value does not fit the pipeline.
        KfpError: the API refused or did not answer.
    """
    pipeline_id, chosen = pinned(connection, pipeline, version) if version else newest(connection, pipeline)
    declared = pipeline_inputs.declared(chosen.spec)
    taken = {name: value for name, value in (offered or {}).items() if name in declared}
    arguments = pipeline_inputs.arguments({**taken, **values}, declared, pipeline)
    return RunRequest(
        kfp_experiments.ensure(connection, experiment), pipeline_id, chosen.id, None, arguments, service_account
    )
