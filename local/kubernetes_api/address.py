"""What a request asks for: verb, kind, namespace and name, read from method, path and query. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kfp_lifecycle.local.kubernetes_api.access import Attributes
from kfp_lifecycle.local.kubernetes_api.resources import BY_PLURAL, Kind, groups
from kfp_lifecycle.local.kubernetes_api.selectors import SelectorError, parse_fields

_ON_ONE = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}
_ON_MANY = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}


@dataclass(frozen=True)
class Address:
    """A request to a resource. `kind` is None when the resource is not one of the stored kinds."""

    verb: str
    group: str
    version: str
    plural: str
    kind: Kind | None
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    old_watch: bool = False

    def attributes(self, verb: str = "") -> Attributes:
        """For the authorizer. As in kube-apiserver a Namespace counts as being in itself."""
        namespace = self.name if self.plural == "namespaces" and not self.group else self.namespace
        return Attributes(verb or self.verb, self.group, self.plural, self.subresource, namespace, self.name)


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean of the query: kubectl writes `true`, the Python client `True`."""
    return query.get(name, "false").lower() not in ("false", "0")


def resource_address(method: str, path: str, query: Mapping[str, str]) -> Address | None:
    """The resource that a request is about; None for a path that is no resource (discovery, health, nonsense)."""
    parts = path.strip("/").split("/")
    if "" in parts:
        return None
    if parts[0] == "api" and len(parts) > 2 and parts[1] == "v1":
        group, version, rest = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    old_watch = rest[0] == "watch" and len(rest) > 1
    if old_watch:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (not group and len(rest) == 3 and rest[2] in _NAMESPACE_PARTS):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = rest[0], "/".join(rest[1:2]), "/".join(rest[2:])
    verb = _verb(method, name, query)
    if not name and verb in ("list", "watch", "deletecollection"):
        name = _named_by_selector(query)
    kind = BY_PLURAL.get((group, version, plural))
    return Address(verb, group, version, plural, kind, namespace, name, subresource, old_watch)


_NAMESPACE_PARTS = ("status", "finalize")


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    if name:
        return _ON_ONE.get(method, method.lower())
    if method in ("GET", "HEAD") and flag(query, "watch"):
        return "watch"
    return _ON_MANY.get(method, method.lower())


def _named_by_selector(query: Mapping[str, str]) -> str:
    """The one object that `fieldSelector=metadata.name=x` asks for; rules with resourceNames see it."""
    try:
        for path, wanted, value in parse_fields(query.get("fieldSelector", "")):
            if path == "metadata.name" and wanted:
                return value
    except SelectorError:
        return ""
    return ""


def is_known_group(group: str, version: str) -> bool:
    return version in groups().get(group, ()) if group else version == "v1"
