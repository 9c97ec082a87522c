"""Pipelines of the KFP API and their versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import kfp_server_api

from kfp_lifecycle.adapters.kfp_connection import KfpConnection

PAGE = 100


@dataclass(frozen=True)
class Pipeline:
    """A pipeline as the API has it."""

    id: str
    name: str


@dataclass(frozen=True)
class Version:
    """A version of a pipeline.

    Attributes:
        description: what its uploader wrote.
        spec: the uploaded content; with platform settings, an object of ``pipeline_spec`` and ``platform_spec``.
    """

    id: str
    name: str
    description: str
    spec: dict[str, Any]


def find_pipeline(connection: KfpConnection, name: str) -> Pipeline | None:
    """The pipeline of this name in the connection's namespace; None where there is none.

    Raises:
        KfpError: the API refused or did not answer.
    """
    answer = connection.read(
        f"find the pipeline {name!r}",
        kfp_server_api.PipelineServiceApi(connection.client).pipeline_service_list_pipelines,
        namespace=connection.namespace,
        page_size=PAGE,
        filter=named(name),
    )
    # Several may share a display name, which is what older APIs compare.
    found = [pipeline for pipeline in answer.pipelines or () if (pipeline.name or pipeline.display_name) == name]
    return Pipeline(found[0].pipeline_id, name) if found else None


def versions(connection: KfpConnection, pipeline_id: str, page_size: int = PAGE, name: str = "") -> Iterator[Version]:
    """The versions of a pipeline, newest first; a page is asked for when it is needed.

    Args:
        name: leaves the version of this name only.

    Raises:
        KfpError: the API refused or did not answer.
    """
    service = kfp_server_api.PipelineServiceApi(connection.client)
    asked = {"filter": named(name)} if name else {}
    token = ""
    while True:
        answer = connection.read(
            "list the versions of a pipeline",
            service.pipeline_service_list_pipeline_versions,
            pipeline_id=pipeline_id,
            page_token=token,
            page_size=page_size,
            sort_by="created_at desc",
            **asked,
        )
        for found in answer.pipeline_versions or ():
            if name and (found.name or found.display_name) != name:
                continue  # the API compares without case
            yield Version(
                found.pipeline_version_id,
                found.name or found.display_name,
                found.description or "",
                found.pipeline_spec or {},
            )
        token = answer.next_page_token or ""
        if not token:
            return


def latest_version(connection: KfpConnection, pipeline_id: str) -> Version | None:
    """The version that an always-latest schedule would run now; None while the pipeline has none.

    Raises:
        KfpError: the API refused or did not answer.
    """
    return next(versions(connection, pipeline_id, page_size=1), None)


def find_version(connection: KfpConnection, pipeline_id: str, name: str) -> Version | None:
    """The version of this name; None where there is none.

    Raises:
        KfpError: the API refused or did not answer.
    """
    return next(versions(connection, pipeline_id, name=name), None)


def named(name: str) -> str:
    """The filter for one name, in the JSON that the API's lists take."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "name", "string_value": name}]})
