"""What facts about KServe mean for a release. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.core import settings
from kfp_lifecycle.core.diagnosis import Finding, failure, ok, warning
from kfp_lifecycle.core.inference_service import CHAMPION_ANNOTATION, Mode, mode_named
from kfp_lifecycle.core.versions import KSERVE_FLOOR, Version, image_version, written

CONFIG = "inferenceservice-config"
_UPGRADE = f"Upgrade KServe to {written(KSERVE_FLOOR)} or later"


@dataclass(frozen=True)
class Canary:
    """What decides whether and how a cluster splits traffic; None where it could not be told.

    Attributes:
        mode: of the setting; None leaves the choice to the cluster.
        knative: whether Knative Serving is there.
        version: of KServe.
        gateway_api: whether KServe makes HTTPRoutes.
        routes: whether the cluster serves them.
        accepted: whether an InferenceService with a canary passes the schema and the webhook.
        said: what the API said to that, where it did not accept.
    """

    mode: Mode | None
    knative: bool | None
    version: Version | None
    gateway_api: bool | None
    routes: bool | None
    accepted: bool | None
    said: str = ""

    def release_mode(self) -> Mode | None:
        """The mode that deploy takes."""
        if self.mode or self.knative is None:
            return self.mode
        return Mode.KNATIVE if self.knative else Mode.STANDARD


def section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One key of KServe's ConfigMap, which holds JSON; empty when it is missing or no object."""
    try:
        found = json.loads((config.get("data") or {}).get(name) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def version_in(config: Mapping[str, Any]) -> Version | None:
    """The version that the images in KServe's ConfigMap have."""
    return image_version(str(section(config, "storageInitializer").get("image", "")))


def judge_version(name: str, version: Version | None, where: str) -> Finding:
    """Whether KServe is new enough.

    Args:
        where: the version was found, in words.
    """
    floor = written(KSERVE_FLOOR)
    if version is None:
        remedy = f"See that it is {floor} or later: kubectl get deployments --all-namespaces | grep kserve."
        return warning(name, f"the version cannot be told from {where}", remedy)
    if version < KSERVE_FLOOR:
        text = f"{written(version)} by {where}: nobody tested below {floor}"
        return warning(name, text, f"{_UPGRADE}; Standard-mode canaries need it.")
    return ok(name, f"{written(version)} by {where}")


def judge_config(name: str, config: Mapping[str, Any], domain: str, asked: Mode | None) -> list[Finding]:
    """What KServe's ConfigMap says about modes, annotations and hosts.

    Args:
        domain: the steps' setting.
        asked: the mode of releases; None when it is not known.
    """
    found = []
    default = str(section(config, "deploy").get("defaultDeploymentMode") or "not set")
    mode = mode_named(default)
    listed = section(config, "inferenceService").get("serviceAnnotationDisallowedList") or []
    if CHAMPION_ANNOTATION not in listed:
        found.append(
            warning(
                name,
                f"serviceAnnotationDisallowedList lacks {CHAMPION_ANNOTATION!r}: each promotion restarts every pod",
                f"Add it to the list in the key inferenceService of the ConfigMap {CONFIG!r}, beside KServe's own "
                "entries, and restart the KServe controller.",
            )
        )
    # KServe takes this where the key is empty.
    served = str(section(config, "ingress").get("ingressDomain") or "example.com")
    differs = f"ingressDomain is {served!r} and {settings.GATEWAY_DOMAIN} is {domain!r}"
    if served != domain and asked is Mode.KNATIVE:
        remedy = f"See that Knative's ConfigMap config-domain names {domain!r}, or correct {settings.GATEWAY_DOMAIN}."
        found.append(warning(name, f"{differs}; Knative takes the domain of its hosts from elsewhere", remedy))
    elif served != domain:
        remedy = f"Set {settings.GATEWAY_DOMAIN} to {served!r} in the ConfigMap {settings.CONFIG_MAP!r}."
        found.append(failure(name, f"{differs}: no request finds a service", remedy))
    if not found:
        found.append(ok(name, f"default mode {mode or default}, domain {served}, champion's annotation kept from pods"))
    return found


def judge_canary(name: str, facts: Canary) -> Finding:
    """Whether this cluster can split traffic between two versions, and how."""
    mode = facts.release_mode()
    if mode is None:
        remedy = f"Set {settings.DEPLOYMENT_MODE} to Standard or Knative."
        return warning(name, "cannot be told: nobody says whether Knative Serving is there", remedy)
    return _knative(name, facts) if mode is Mode.KNATIVE else _standard(name, facts)


def _knative(name: str, facts: Canary) -> Finding:
    how = "Knative mode: canaryTrafficPercent splits between revisions"
    if facts.knative is False:
        remedy = f"Install Knative Serving, or set {settings.DEPLOYMENT_MODE} to Standard."
        return failure(name, f"{settings.DEPLOYMENT_MODE} is Knative and the cluster serves no Knative", remedy)
    if facts.accepted is False:
        return _refused(name, facts)
    if facts.knative is None:
        remedy = "Look for it: kubectl api-resources --api-group serving.knative.dev."
        return warning(name, f"{how}; whether Knative Serving is there cannot be told", remedy)
    return ok(name, how + _tried(facts))


def _standard(name: str, facts: Canary) -> Finding:
    how = "Standard mode: spec.canary[] splits by the weights of an HTTPRoute"
    if facts.accepted is False:
        return _refused(name, facts)
    if facts.version is not None and facts.version < KSERVE_FLOOR:
        text = f"Standard mode: in KServe {written(facts.version)} a canary runs and gets no share"
        return failure(name, text, f"{_UPGRADE}, or install Knative Serving for Knative mode.")
    if facts.gateway_api is False:
        text = "Standard mode: enableGatewayApi is false, so KServe makes an Ingress, and a canary gets no share"
        return failure(name, text, f"Set enableGatewayApi to true in the key ingress of the ConfigMap {CONFIG!r}.")
    if facts.routes is False:
        remedy = "Install the Gateway API (HTTPRoute v1) and a controller for it."
        return failure(name, "Standard mode: the cluster serves no HTTPRoute, so a canary gets no share", remedy)
    needed = {"enableGatewayApi": facts.gateway_api, "HTTPRoute": facts.routes, "the schema": facts.accepted}
    if unknown := [what for what, fact in needed.items() if fact is None]:
        remedy = "Ask with --kubeconfig FILE of an administrator."
        return warning(name, f"{how}; cannot be told: {' and '.join(unknown)}", remedy)
    return ok(name, how + _tried(facts))


def _refused(name: str, facts: Canary) -> Finding:
    if "unknown field" in facts.said:
        text = f"InferenceService has no such field here: {facts.said}"
        return failure(name, text, f"{_UPGRADE}, CRDs included.")
    remedy = "Change that rule, or see whether it holds for InferenceServices that kfp-lifecycle makes."
    return warning(name, f"a dry run of an InferenceService with a canary was refused: {facts.said}", remedy)


def _tried(facts: Canary) -> str:
    return " (a dry run was accepted)" if facts.accepted else ""
