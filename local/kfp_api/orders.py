"""What a run or a recurring run is told to execute: a spec or a reference, with parameters, in an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.kfp_api import (
    errors,
    experiment_routes,
    experiments,
    messages,
    packages,
    pipeline_routes,
    pipelines,
    version_routes,
)
from kfp_lifecycle.local.kfp_api.calls import Call
from kfp_lifecycle.local.kfp_api.experiments import Experiment
from kfp_lifecycle.local.runner_parameters import check_arguments
from kfp_lifecycle.local.runner_specification import Input


@dataclass(frozen=True)
class Order:
    """What shall run.

    Attributes:
        version_id: None where the latest version is meant.
        present_id: the version that ``documents`` are of, the given or the latest one; empty for a spec.
    """

    experiment: Experiment
    pipeline_id: str
    version_id: str | None
    present_id: str
    documents: list[Any]
    parameters: dict[str, Any]


def read(call: Call) -> Order:
    """The order in a V2beta1Run or V2beta1RecurringRun; call it in a transaction.

    Raises:
        ApiError: 400, it is wrong, for example a parameter that the pipeline does not have; 404, it refers to
            something that is not there; 501, it asks for what this API does not do.
    """
    if messages.nested(call.message, "plugins_input"):
        raise errors.unimplemented("plugins_input")
    config = messages.nested(call.message, "runtime_config")
    if messages.text(config, "pipeline_root"):
        raise errors.unimplemented("runtime_config.pipeline_root; each run has its own folder")
    experiment = _experiment(call)
    pipeline_id, version_id, present_id, documents = _source(call)
    parameters = config.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise errors.invalid("runtime_config.parameters is no object")
    checked = _checked(parameters, packages.read(documents).inputs)
    return Order(experiment, pipeline_id, version_id, present_id, documents, checked)


def _checked(parameters: dict[str, Any], inputs: dict[str, Input]) -> dict[str, Any]:
    # JSON has one kind of number, and some clients write 3 as 3.0.
    whole = {name for name, value in parameters.items() if isinstance(value, float) and value.is_integer()}
    whole = {name for name in whole if name in inputs and inputs[name].kind == "NUMBER_INTEGER"}
    try:
        return check_arguments(parameters | {name: int(parameters[name]) for name in whole}, inputs)
    except InputError as error:
        if error.parameter == "--param":
            text = f"parameter {str(error.value)[:100]!r} is unknown: expected {error.expected}"
        elif error.value is None and error.parameter not in parameters:
            text = f"parameter {error.parameter!r} is missing: it has no default"
        else:
            text = f"parameter {error.parameter!r} is {str(error.value)[:100]!r}: expected {error.expected}"
        raise errors.invalid(text) from error


def _source(call: Call) -> tuple[str, str | None, str, list[Any]]:
    reference = messages.nested(call.message, "pipeline_version_reference")
    if bool(reference) == (call.message.get("pipeline_spec") is not None):
        raise errors.invalid("give either pipeline_spec or pipeline_version_reference")
    if not reference:
        return "", "", "", packages.from_message(messages.spec(call.message))
    pipeline_id, version_id = (messages.text(reference, name) for name in ("pipeline_id", "pipeline_version_id"))
    if version_id:
        return pipeline_id, version_id, version_id, version_routes.find(call, pipeline_id, version_id).documents
    latest = pipelines.latest_version(call.connection, pipeline_routes.find(call, pipeline_id).id)
    if latest is None:
        raise errors.precondition(f"pipeline {pipeline_id} has no version; upload one")
    return pipeline_id, None, latest.id, latest.documents


def _experiment(call: Call) -> Experiment:
    identity = messages.text(call.message, "experiment_id") or call.query.get("experiment_id", "")
    if identity:
        return experiment_routes.find(call, identity)
    if call.caller.is_multi_user:
        raise errors.invalid("this KFP is multi-user: give the experiment_id of an experiment in your namespace")
    return experiments.default(call.connection, "")
