"""The table of kinds that the local Kubernetes API serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
COMMON_FIELDS = ("metadata.name", "metadata.namespace")


@dataclass(frozen=True, eq=False)  # each kind is one object, so identity is equality
class Kind:
    """One kind: its names and where it behaves differently from the others.

    Attributes:
        custom: defined by a CRD in a real cluster: other error texts, `generation` is kept.
        status: has a `status` subresource; the main path then never changes the status.
        needs_version: a replace must carry metadata.resourceVersion.
        creates_on_replace: a replace of an absent object creates it.
        empty: what an object of this kind holds before anything is set (parts that are always present).
        selectable: fields that a fieldSelector may name.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    custom: bool = False
    status: bool = False
    needs_version: bool = False
    creates_on_replace: bool = False
    storage_version_hash: str = ""
    empty: Mapping[str, Any] = field(default_factory=dict)
    selectable: tuple[str, ...] = COMMON_FIELDS

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`inferenceservices.serving.kserve.io`, or `configmaps` in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


NAMESPACE = Kind(
    "",
    "v1",
    "Namespace",
    "namespaces",
    "namespace",
    ("ns",),
    namespaced=False,
    status=True,
    empty={"spec": {}, "status": {}},
    selectable=("metadata.name", "status.phase"),
)
POD = Kind(
    "",
    "v1",
    "Pod",
    "pods",
    "pod",
    ("po",),
    ("all",),
    status=True,
    empty={"spec": {}, "status": {}},
    selectable=(*COMMON_FIELDS, "status.phase", "spec.nodeName", "status.podIP"),
)
EVENT = Kind(
    "",
    "v1",
    "Event",
    "events",
    "event",
    ("ev",),
    selectable=(
        *COMMON_FIELDS,
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.fieldPath",
        "reason",
        "type",
    ),
)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", "configmap", ("cm",))
SECRET = Kind("", "v1", "Secret", "secrets", "secret", selectable=(*COMMON_FIELDS, "type"))
LEASE = Kind(
    "coordination.k8s.io",
    "v1",
    "Lease",
    "leases",
    "lease",
    needs_version=True,
    creates_on_replace=True,
    storage_version_hash="gqkMMb/YqFM=",
    empty={"spec": {}},
)
INFERENCE_SERVICE = Kind(
    "serving.kserve.io",
    "v1beta1",
    "InferenceService",
    "inferenceservices",
    "inferenceservice",
    ("isvc",),
    custom=True,
    status=True,
    needs_version=True,
    storage_version_hash="O82/cZUJjXE=",
)
HTTP_ROUTE = Kind(
    "gateway.networking.k8s.io",
    "v1",
    "HTTPRoute",
    "httproutes",
    "httproute",
    categories=("gateway-api",),
    custom=True,
    status=True,
    needs_version=True,
    storage_version_hash="s9TOoTqdPlk=",
)

KINDS = (CONFIG_MAP, EVENT, NAMESPACE, POD, SECRET, LEASE, HTTP_ROUTE, INFERENCE_SERVICE)
BY_PLURAL = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}

# Groups with something to POST but nothing to store.
REVIEWS_GROUP = ("authorization.k8s.io", "v1")

# Resources of a real cluster that a client may well ask for. They get an honest 501, while a misspelt
# resource gets the 404 of the real server.
UNSERVED: Mapping[str, frozenset[str]] = {
    "": frozenset(
        {
            "bindings",
            "componentstatuses",
            "endpoints",
            "limitranges",
            "nodes",
            "persistentvolumeclaims",
            "persistentvolumes",
            "podtemplates",
            "replicationcontrollers",
            "resourcequotas",
            "serviceaccounts",
            "services",
        }
    ),
    "serving.kserve.io": frozenset(
        {
            "clusterservingruntimes",
            "clusterstoragecontainers",
            "inferencegraphs",
            "servingruntimes",
            "trainedmodels",
            "localmodelcaches",
            "llminferenceservices",
        }
    ),
    "gateway.networking.k8s.io": frozenset({"gateways", "gatewayclasses", "grpcroutes", "referencegrants"}),
    "authorization.k8s.io": frozenset(
        {
            "subjectaccessreviews",
            "localsubjectaccessreviews",
            "selfsubjectrulesreviews",
        }
    ),
}
UNSERVED_GROUPS = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "metrics.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "serving.knative.dev",
        "storage.k8s.io",
        "networking.istio.io",
        "argoproj.io",
        "pipelines.kubeflow.org",
    }
)


def is_unserved(group: str, resource: str) -> bool:
    """Whether this is something a real cluster may have and this one does not."""
    return group in UNSERVED_GROUPS or resource in UNSERVED.get(group, frozenset())


def groups() -> dict[str, list[str]]:
    """API groups (without the core group) and their versions, sorted by name."""
    found: dict[str, list[str]] = {REVIEWS_GROUP[0]: [REVIEWS_GROUP[1]]}
    for kind in KINDS:
        if kind.group:
            versions = found.setdefault(kind.group, [])
            if kind.version not in versions:
                versions.append(kind.version)
    return dict(sorted(found.items()))
