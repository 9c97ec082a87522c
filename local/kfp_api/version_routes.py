"""Answers about the versions of pipelines."""

from __future__ import annotations

import sqlite3
import time
import uuid
from typing import Any

from kfp_lifecycle.local.kfp_api import (
    columns,
    errors,
    messages,
    packages,
    paging,
    pipeline_routes,
    pipelines,
    rendering,
)
from kfp_lifecycle.local.kfp_api.calls import Call
from kfp_lifecycle.local.kfp_api.database import transaction
from kfp_lifecycle.local.kfp_api.pipelines import Version


def find(call: Call, pipeline_id: str, identity: str) -> Version:
    """The version of this id in this pipeline of the caller.

    Raises:
        ApiError: 404.
    """
    pipeline_routes.find(call, pipeline_id)
    found = pipelines.get_version(call.connection, identity)
    if found is None or found.pipeline_id != pipeline_id:
        raise errors.not_found(f"in pipeline {pipeline_id}, version", identity)
    return found


def upload(call: Call) -> dict[str, Any]:
    """UploadPipelineVersion."""
    pipeline_id = call.query.get("pipelineid", "")
    if not pipeline_id:
        raise errors.invalid("pipelineid is missing")
    fields = {**call.query, "name": call.query.get("name") or call.query.get("display_name") or call.file}
    return _insert(call, pipeline_id, fields, packages.unpacked(call.raw))


def create(call: Call) -> dict[str, Any]:
    """CreatePipelineVersion, with the spec in the body."""
    return _insert(call, call.ids["pipeline_id"], call.message, packages.from_message(messages.spec(call.message)))


def get(call: Call) -> dict[str, Any]:
    """GetPipelineVersion."""
    return rendering.version(find(call, call.ids["pipeline_id"], call.ids["version_id"]))


def listing(call: Call) -> dict[str, Any]:
    """ListPipelineVersions."""
    found = pipeline_routes.find(call, call.ids["pipeline_id"])
    page = paging.page(
        call.connection, columns.VERSIONS, Version, call.query, where="pipeline_id = ?", values=(found.id,)
    )
    shown = [rendering.version(row) for row in page.rows]
    return {"pipeline_versions": shown, "total_size": page.total, "next_page_token": page.next_token}


def delete(call: Call) -> dict[str, Any]:
    """DeletePipelineVersion; runs that were made of it keep their spec."""
    with transaction(call.connection):
        pipelines.delete_version(call.connection, find(call, call.ids["pipeline_id"], call.ids["version_id"]).id)
    return {}


def _insert(call: Call, pipeline_id: str, fields: dict[str, Any], documents: list[Any]) -> dict[str, Any]:
    name = messages.name({"name": fields.get("name") or fields.get("display_name")}, "name")
    made = Version(
        id=str(uuid.uuid4()),
        pipeline_id=pipeline_id,
        name=name,
        display_name=messages.text(fields, "display_name") or name,
        description=messages.text(fields, "description"),
        created=time.time(),
        documents=documents,
    )
    try:
        with transaction(call.connection):
            pipeline_routes.find(call, pipeline_id)
            pipelines.insert_version(call.connection, made)
    except sqlite3.IntegrityError as error:
        raise errors.taken("pipeline version", name) from error
    return rendering.version(made)
