"""Kubeflow Pipelines: reachable, its version, and whether the token may use the namespace."""

from __future__ import annotations

from typing import Any

import kfp_server_api

from kfp_lifecycle.adapters import kfp_connection
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.cli.doctor_checks.context import Context
from kfp_lifecycle.cli.doctor_checks.examination import Check
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.diagnosis import Finding, failure, ok, warning
from kfp_lifecycle.core.versions import KFP_FLOOR, read_version, written

NAME = "kfp"
_REACHABLE = f"Check {settings.KFP_ENDPOINT}, {settings.KFP_TOKEN_FILE} and {settings.KFP_CA_FILE}."
# The API server's own name of its version, and the one under which the UI in front of it passes it on.
_TAGS = ("tag_name", "apiServerTagName")


def checks(context: Context) -> list[Check]:
    """The checks of this module."""
    if context.local and not settings.setting(settings.KFP_ENDPOINT):
        return [Check(NAME, _none_here, _REACHABLE)]
    return [
        Check(NAME, lambda: _reachable(context), _REACHABLE),
        Check("kfp version", lambda: _version(context), _REACHABLE, NAME),
        Check("kfp namespace", lambda: _namespace(context), _REACHABLE, NAME),
    ]


def judge_version(name: str, health: dict[str, Any]) -> Finding:
    """Whether KFP is new enough, by its health answer; builds from no release name no version."""
    tag = next((str(health[key]) for key in _TAGS if health.get(key)), "")
    version, floor = read_version(tag), written(KFP_FLOOR)
    if version is None:
        remedy = f"See that it is {floor} or later, for example by the tag of the ml-pipeline image."
        said = f"calls itself {tag!r}" if tag else "does not name it"
        return warning(name, f"cannot be told: the API {said}", remedy)
    if version < KFP_FLOOR:
        return failure(name, f"{tag} is older than {floor}", f"Upgrade Kubeflow Pipelines to {floor} or later.")
    return ok(name, tag)


def _none_here() -> list[Finding]:
    return [
        warning(NAME, "this local cluster runs without a KFP API", "Start it without --no-kfp to upload pipelines.")
    ]


def _connection(context: Context) -> KfpConnection:
    return kfp_connection.connect(namespace=context.namespace)


def _reachable(context: Context) -> list[Finding]:
    found = _connection(context)
    kind = f"multi-user, namespace {found.namespace!r}" if found.namespace else "single-user"
    return [ok(NAME, f"answers at {found.host} ({kind})")]


def _version(context: Context) -> list[Finding]:
    return [judge_version("kfp version", kfp_connection.health(_connection(context)))]


def _namespace(context: Context) -> list[Finding]:
    found = _connection(context)
    runs = kfp_server_api.RunServiceApi(found.client)
    place = {"namespace": found.namespace} if found.namespace else {}
    found.read("list runs", runs.run_service_list_runs, page_size=1, **place)
    where = f"namespace {found.namespace!r}" if found.namespace else "the one namespace of a single-user KFP"
    token = "token accepted" if found.client.configuration.api_key.get("authorization") else "no token asked"
    return [ok("kfp namespace", f"{token}; runs of {where} can be listed")]
