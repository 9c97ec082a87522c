"""KServe: served, its version and settings, the runtime, and whether a canary gets its share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.adapters import kubernetes_objects, kubernetes_reviews
from kfp_lifecycle.adapters.inference_services import KNATIVE_GROUP
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.adapters.kubernetes_objects import CONFIG_MAPS, Kind
from kfp_lifecycle.cli.doctor_checks import canary_rehearsal, kubernetes
from kfp_lifecycle.cli.doctor_checks.context import UNTOLD, Context, unless_untold
from kfp_lifecycle.cli.doctor_checks.examination import Check
from kfp_lifecycle.core import kserve_diagnosis, settings
from kfp_lifecycle.core.diagnosis import Finding, failure, ok, warning
from kfp_lifecycle.core.inference_service import Mode, mode_named
from kfp_lifecycle.core.kserve_diagnosis import CONFIG, Canary
from kfp_lifecycle.core.versions import Version, image_version

NAME = "kserve"
_DEPLOYMENTS = Kind("apps", "v1", "deployments")
_CONTROLLER = "kserve-controller-manager"
_RUNTIMES = Kind("serving.kserve.io", "v1alpha1", "servingruntimes")
_CLUSTER_RUNTIMES = Kind("serving.kserve.io", "v1alpha1", "clusterservingruntimes", namespaced=False)
_ROUTES = ("gateway.networking.k8s.io", "v1")
_LOOK = "Look at KServe's pods: kubectl get pods --namespace kserve."


def checks(context: Context) -> list[Check]:
    """The checks of this module."""
    return [
        Check(NAME, lambda: _served(context), _LOOK, kubernetes.NAME, seconds=15),
        Check("kserve version", lambda: _version(context), _LOOK, kubernetes.NAME),
        Check("kserve settings", lambda: _settings(context), _LOOK, kubernetes.NAME),
        Check("serving runtime", lambda: _runtime(context), _LOOK, kubernetes.NAME),
        Check("gateway api", lambda: _gateway_api(context), _LOOK, kubernetes.NAME),
        Check("canary", lambda: _canary(context), _LOOK, NAME, seconds=18),
    ]


def _served(context: Context) -> list[Finding]:
    if "inferenceservices" in kubernetes_reviews.served(context.reader(), "serving.kserve.io", "v1beta1"):
        return [ok(NAME, "InferenceService serving.kserve.io/v1beta1 is served")]
    remedy = "Install KServe 0.21 or later with its CRDs."
    return [failure(NAME, "the cluster serves no InferenceService serving.kserve.io/v1beta1", remedy)]


def _version(context: Context) -> list[Finding]:
    def ask() -> list[Finding]:
        version, where = _found_version(context)
        return [kserve_diagnosis.judge_version("kserve version", version, where)]

    return unless_untold("kserve version", "the version", ask)


def _settings(context: Context) -> list[Finding]:
    def ask() -> list[Finding]:
        config = _config(context)
        if config is None:
            places = " or ".join(context.kserve_namespaces)
            remedy = "Name the namespace of KServe with --kserve-namespace."
            return [warning("kserve settings", f"no ConfigMap {CONFIG} in {places}", remedy)]
        domain = settings.setting(settings.GATEWAY_DOMAIN)
        return kserve_diagnosis.judge_config("kserve settings", config, domain, _asked_mode())

    return unless_untold("kserve settings", f"the ConfigMap {CONFIG}", ask)


def _runtime(context: Context) -> list[Finding]:
    name = settings.setting(settings.SERVING_RUNTIME)

    def ask() -> list[Finding]:
        connection = context.reader()
        if kubernetes_objects.get(connection, _RUNTIMES, name, context.namespace):
            return [ok("serving runtime", f"ServingRuntime {name!r} in {context.namespace!r}")]
        if kubernetes_objects.get(connection, _CLUSTER_RUNTIMES, name, ""):
            return [ok("serving runtime", f"ClusterServingRuntime {name!r}")]
        remedy = (
            f"kubectl apply --namespace {context.namespace} -f kserve/manifests/servingruntime.yaml, or name yours in "
            f"{settings.SERVING_RUNTIME}."
        )
        return [failure("serving runtime", f"no ServingRuntime or ClusterServingRuntime {name!r}", remedy)]

    return unless_untold("serving runtime", f"whether {name!r} exists", ask)


def _gateway_api(context: Context) -> list[Finding]:
    name = "gateway api"

    def ask() -> list[Finding]:
        if "httproutes" in kubernetes_reviews.served(context.reader(), *_ROUTES):
            return [ok(name, "HTTPRoute gateway.networking.k8s.io/v1 is served; its backendRefs have weights")]
        if _asked_mode() is Mode.KNATIVE:
            return [ok(name, "no HTTPRoute v1; Knative mode needs none")]
        remedy = "Install the Gateway API (HTTPRoute v1) and a controller, or use Knative mode."
        return [failure(name, "the cluster serves no HTTPRoute gateway.networking.k8s.io/v1", remedy)]

    return unless_untold(name, "whether HTTPRoute is served", ask)


def _canary(context: Context) -> list[Finding]:
    connection = context.reader()
    try:
        config = _config(context)
    except KubernetesError:
        config = None
    ingress = kserve_diagnosis.section(config or {}, "ingress")
    asked = _asked_mode()
    knative = _is_served(context, KNATIVE_GROUP, "v1", "services")
    mode = asked or {True: Mode.KNATIVE, False: Mode.STANDARD, None: None}[knative]
    accepted, said = canary_rehearsal.rehearse(connection, context.namespace, mode) if mode else (None, "")
    try:
        version, _ = _found_version(context)
    except KubernetesError:
        version = None
    facts = Canary(
        mode=asked,
        knative=knative,
        version=version,
        gateway_api=bool(ingress.get("enableGatewayApi")) if config else None,
        routes=_is_served(context, *_ROUTES, "httproutes"),
        accepted=accepted,
        said=said,
    )
    return [kserve_diagnosis.judge_canary("canary", facts)]


def _asked_mode() -> Mode | None:
    return mode_named(settings.setting(settings.DEPLOYMENT_MODE))


def _is_served(context: Context, group: str, version: str, resource: str) -> bool | None:
    try:
        return resource in kubernetes_reviews.served(context.reader(), group, version)
    except KubernetesError as error:
        if error.status in UNTOLD:
            return None
        raise


def _config(context: Context) -> Mapping[str, Any] | None:
    for namespace in context.kserve_namespaces:
        if found := kubernetes_objects.get(context.reader(), CONFIG_MAPS, CONFIG, namespace):
            return found
    return None


def _found_version(context: Context) -> tuple[Version | None, str]:
    """KServe's version by the image of its controller, else by those in its ConfigMap; and where it was looked for."""
    untold: KubernetesError | None = None
    try:
        if version := _controller_version(context):
            return version, f"the image of {_CONTROLLER}"
    except KubernetesError as error:
        if error.status not in UNTOLD:
            raise
        untold = error
    version = kserve_diagnosis.version_in(_config(context) or {})
    if version is None and untold:
        raise untold
    return version, f"the images in {CONFIG}" if version else f"the images of {_CONTROLLER} and in {CONFIG}"


def _controller_version(context: Context) -> Version | None:
    for namespace in context.kserve_namespaces:
        found = kubernetes_objects.get(context.reader(), _DEPLOYMENTS, _CONTROLLER, namespace)
        template = ((found or {}).get("spec") or {}).get("template") or {}
        for container in (template.get("spec") or {}).get("containers") or []:
            if version := image_version(str(container.get("image", ""))):
                return version
    return None
