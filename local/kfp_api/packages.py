"""Uploaded packages: compiled YAML, alone or in a zip or tar.gz file, as KFP takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.kfp_api import archives, errors, package_text
from kfp_lifecycle.local.runner_specification import Specification, specification

_PARTS = {"root": dict, "components": dict, "deploymentSpec": dict}


def unpacked(raw: bytes) -> list[Any]:
    """The documents of an uploaded file, checked.

    Raises:
        ApiError: 400, it is no compiled pipeline; 413, it unpacks to more than 8 MiB.
    """
    try:
        found = package_text.documents(archives.content(raw).decode("utf-8"))
    except ValueError as error:
        raise errors.invalid(f"the package holds no readable YAML: {error}") from error
    return checked(found)


def checked(documents: list[Any]) -> list[Any]:
    """The documents, if they are a compiled pipeline and perhaps its platform spec.

    Raises:
        ApiError: 400, they are not.
    """
    if not documents or len(documents) > 2 or not all(isinstance(document, dict) for document in documents):
        raise errors.invalid("expected a compiled pipeline: one pipeline spec and at most one platform spec")
    [spec, *platform] = documents
    if "pipelineInfo" not in spec or "schemaVersion" not in spec:
        kind = " (this is a v1 Workflow; compile it with kfp 2)" if spec.get("kind") == "Workflow" else ""
        raise errors.invalid(f"the package holds no compiled pipeline: no pipelineInfo and schemaVersion{kind}")
    info = spec["pipelineInfo"]
    if not isinstance(info, dict) or not isinstance(info.get("name"), str) or not info["name"]:
        raise errors.invalid("the pipeline spec has no pipelineInfo.name")
    for name, kind_of in _PARTS.items():
        if not isinstance(spec.get(name), kind_of):
            raise errors.invalid(f"the pipeline spec has no {name}")
    dag = spec["root"].get("dag")
    tasks = dag.get("tasks") if isinstance(dag, dict) else None
    if not isinstance(tasks, dict) or not tasks:
        raise errors.invalid("the pipeline spec has no tasks in root.dag")
    for name, task in tasks.items():
        component = task.get("componentRef", {}).get("name") if isinstance(task, dict) else None
        if component not in spec["components"]:
            raise errors.invalid(f"task {name} refers to the component {component!r}, which the spec does not have")
    if not isinstance(spec["deploymentSpec"].get("executors", {}), dict):
        raise errors.invalid("deploymentSpec.executors is no object")
    if platform and not isinstance(platform[0].get("platforms"), dict):
        raise errors.invalid("the second document is no platform spec")
    read(documents)
    return documents


def read(documents: list[Any]) -> Specification:
    """The pipeline of checked documents.

    Raises:
        ApiError: 400, its inputs are malformed or artifacts.
    """
    try:
        return specification(documents[0], shown=str(documents[0]["pipelineInfo"]["name"]))
    except InputError as error:
        raise errors.invalid(str(error)) from error
    except (AttributeError, KeyError, TypeError) as error:
        raise errors.invalid(f"the pipeline spec's root.inputDefinitions is malformed: {error!r}") from error


def from_message(spec: Mapping[str, Any]) -> list[Any]:
    """The documents of a ``pipeline_spec`` field: a spec, or an object of pipeline_spec and platform_spec.

    Raises:
        ApiError: 400, it is no compiled pipeline.
    """
    inner = spec.get("pipeline_spec", spec.get("pipelineSpec"))
    if inner is None:
        return checked([dict(spec)])
    platform = spec.get("platform_spec", spec.get("platformSpec"))
    return checked([inner, platform] if platform else [inner])


def to_message(documents: list[Any]) -> dict[str, Any]:
    """The ``pipeline_spec`` field of documents."""
    if len(documents) == 1:
        found: dict[str, Any] = documents[0]
        return found
    return {"pipeline_spec": documents[0], "platform_spec": documents[1]}
