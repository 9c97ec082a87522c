"""What the server tells about itself: groups, resources, version, health. Pure."""

from __future__ import annotations

from typing import Any

from kfp_lifecycle.local.kubernetes_api.resources import KINDS, REVIEWS_GROUP, VERBS, groups

VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.0+kfp-lifecycle",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "python",
    "platform": "local",
}
HEALTH_PATHS = frozenset({"/healthz", "/livez", "/readyz"})


def document(path: str, host: str) -> dict[str, Any] | None:
    """The discovery document at a path, None when there is none.

    Args:
        path: for example `/apis/coordination.k8s.io/v1`.
        host: `host:port` of this server as the client named it.
    """
    if path == "/version":
        return dict(VERSION)
    if path == "/api":
        return {
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
        }
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in groups()]}
    if path == "/api/v1":
        return {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources("", "v1")}
    parts = path.strip("/").split("/")
    if parts[0] == "apis" and len(parts) in (2, 3) and parts[1] in groups():
        if len(parts) == 2:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1])}
        if parts[2] in groups()[parts[1]]:
            return {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": f"{parts[1]}/{parts[2]}",
                "resources": resources(parts[1], parts[2]),
            }
    return None


def _group(name: str) -> dict[str, Any]:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in groups()[name]]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def resources(group: str, version: str) -> list[dict[str, Any]]:
    """Entries of an APIResourceList, subresources included."""
    found: list[dict[str, Any]] = []
    if (group, version) == REVIEWS_GROUP:
        found.append(
            {
                "name": "selfsubjectaccessreviews",
                "singularName": "selfsubjectaccessreview",
                "namespaced": False,
                "kind": "SelfSubjectAccessReview",
                "verbs": ["create"],
            }
        )
    for kind in KINDS:
        if (kind.group, kind.version) != (group, version):
            continue
        order = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
        entry: dict[str, Any] = {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(order if kind.custom else VERBS),
        }
        if kind.short_names:
            entry["shortNames"] = list(kind.short_names)
        if kind.categories:
            entry["categories"] = list(kind.categories)
        if kind.storage_version_hash:
            entry["storageVersionHash"] = kind.storage_version_hash
        found.append(entry)
        if kind.status:
            found.append(
                {
                    "name": f"{kind.plural}/status",
                    "singularName": "",
                    "namespaced": kind.namespaced,
                    "kind": kind.kind,
                    "verbs": ["get", "patch", "update"],
                }
            )
        if kind.kind == "Pod":
            found.append({"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]})
    if not group:
        found.append(
            {
                "name": "serviceaccounts/token",
                "singularName": "",
                "namespaced": True,
                "kind": "TokenRequest",
                "group": "authentication.k8s.io",
                "version": "v1",
                "verbs": ["create"],
            }
        )
    return found
