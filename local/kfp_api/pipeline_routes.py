"""Answers about pipelines."""

from __future__ import annotations

import sqlite3
import time
import uuid
from typing import Any

from kfp_lifecycle.local.kfp_api import columns, errors, messages, packages, paging, pipelines, rendering
from kfp_lifecycle.local.kfp_api.calls import Call
from kfp_lifecycle.local.kfp_api.database import transaction
from kfp_lifecycle.local.kfp_api.pipelines import Pipeline, Version


def find(call: Call, identity: str) -> Pipeline:
    """The caller's pipeline of this id.

    Raises:
        ApiError: 404.
    """
    return call.visible(pipelines.get(call.connection, identity), "pipeline", identity)


def upload(call: Call) -> dict[str, Any]:
    """UploadPipeline: a pipeline and, under the same name, its first version."""
    documents = packages.unpacked(call.raw)
    fields = {**call.query, "name": call.query.get("name") or call.query.get("display_name") or call.file}
    made = _new(call, fields)
    with transaction(call.connection):
        _insert(call, made)
        pipelines.insert_version(call.connection, _first_version(made, documents))
    return rendering.pipeline(made)


def create(call: Call) -> dict[str, Any]:
    """CreatePipeline: without a version."""
    made = _new(call, call.message)
    _insert(call, made)
    return rendering.pipeline(made)


def create_with_version(call: Call) -> dict[str, Any]:
    """CreatePipelineAndVersion, with the spec in the version."""
    version = messages.nested(call.message, "pipeline_version")
    documents = packages.from_message(messages.spec(version))
    made = _new(call, messages.nested(call.message, "pipeline"))
    with transaction(call.connection):
        _insert(call, made)
        pipelines.insert_version(call.connection, _first_version(made, documents))
    return rendering.pipeline(made)


def get(call: Call) -> dict[str, Any]:
    """GetPipeline."""
    return rendering.pipeline(find(call, call.ids["pipeline_id"]))


def get_by_name(call: Call) -> dict[str, Any]:
    """GetPipelineByName."""
    name, namespace = call.ids["name"], call.caller.permitted(call.query.get("namespace", ""))
    return rendering.pipeline(call.visible(pipelines.named(call.connection, name, namespace), "pipeline", name))


def listing(call: Call) -> dict[str, Any]:
    """ListPipelines. As in KFP, none but shared pipelines without a namespace; here nothing is shared."""
    asked = call.query.get("namespace", "")
    namespace = call.caller.permitted(asked) if asked else ""
    page = paging.page(
        call.connection, columns.PIPELINES, Pipeline, call.query, where="namespace = ?", values=(namespace,)
    )
    shown = [rendering.pipeline(row) for row in page.rows]
    return {"pipelines": shown, "total_size": page.total, "next_page_token": page.next_token}


def delete(call: Call) -> dict[str, Any]:
    """DeletePipeline: refused while it has versions, unless ``cascade`` is true."""
    cascade = call.query.get("cascade", "").lower() == "true"
    with transaction(call.connection):
        found = find(call, call.ids["pipeline_id"])
        if not cascade and pipelines.has_versions(call.connection, found.id):
            raise errors.precondition(
                f"pipeline {found.id} has versions: delete them first, or delete it with cascade=true"
            )
        pipelines.delete(call.connection, found.id)
    return {}


def _new(call: Call, fields: dict[str, Any]) -> Pipeline:
    named = {**fields, "name": fields.get("name") or fields.get("display_name")}
    name = messages.name(named, "name")
    return Pipeline(
        id=str(uuid.uuid4()),
        name=name,
        display_name=messages.text(fields, "display_name") or name,
        namespace=call.caller.permitted(messages.text(fields, "namespace")),
        description=messages.text(fields, "description"),
        created=time.time(),
    )


def _insert(call: Call, made: Pipeline) -> None:
    try:
        pipelines.insert(call.connection, made)
    except sqlite3.IntegrityError as error:
        raise errors.taken("pipeline", made.name) from error


def _first_version(made: Pipeline, documents: list[Any]) -> Version:
    return Version(
        id=str(uuid.uuid4()),
        pipeline_id=made.id,
        name=made.name,
        display_name=made.display_name,
        description=made.description,
        created=made.created,
        documents=documents,
    )
