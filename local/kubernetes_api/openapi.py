"""OpenAPI v3, the little of it that kubectl reads before it applies a file: which options a write takes. Pure."""

from __future__ import annotations

from typing import Any

from kfp_lifecycle.local.kubernetes_api.resources import KINDS, Kind, groups

_OPTIONS = ("dryRun", "fieldManager", "fieldValidation")


def index() -> dict[str, Any]:
    """The answer of /openapi/v3: one document per group and version."""
    paths = ["api/v1", *(f"apis/{group}/{version}" for group, versions in groups().items() for version in versions)]
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in paths}}


def document(path: str) -> dict[str, Any] | None:
    """The document of one group and version (`apis/serving.kserve.io/v1beta1`), None when there is none.

    It names the operations that take a body and their options; schemas of the objects are not in it.
    """
    if path not in index()["paths"]:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "kfp-lifecycle local Kubernetes API", "version": "v1"},
        "paths": {_item_path(kind): _operations(kind) for kind in KINDS if _prefix(kind) == path},
        "components": {"schemas": {}},
    }


def _prefix(kind: Kind) -> str:
    return f"apis/{kind.api_version}" if kind.group else "api/v1"


def _item_path(kind: Kind) -> str:
    where = "namespaces/{namespace}/" if kind.namespaced else ""
    return f"/{_prefix(kind)}/{where}{kind.plural}/{{name}}"


def _operations(kind: Kind) -> dict[str, Any]:
    named = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _OPTIONS]
    return {
        method: {
            "x-kubernetes-group-version-kind": named,
            "x-kubernetes-action": method,
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
        }
        for method in ("put", "patch")
    }
