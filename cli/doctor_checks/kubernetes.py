"""Kubernetes: reachable, the namespace, and the rights of a run."""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml

from kfp_lifecycle.adapters import kubernetes_objects, kubernetes_reviews
from kfp_lifecycle.adapters.kubernetes_errors import ROLE_MANIFEST, KubernetesError
from kfp_lifecycle.adapters.kubernetes_objects import NAMESPACES
from kfp_lifecycle.cli.doctor_checks.context import Context, unless_untold
from kfp_lifecycle.cli.doctor_checks.examination import Check
from kfp_lifecycle.core.diagnosis import Finding, failure, ok, warning

NAME = "kubernetes"
_REACHABLE = "Check the kubeconfig's address and credentials: `kubectl version` must answer."


def checks(context: Context) -> list[Check]:
    """The checks of this module."""
    return [
        Check(NAME, lambda: _reachable(context), _REACHABLE, seconds=15),
        Check("namespace", lambda: _namespace(context), _REACHABLE, NAME),
        Check("rights", lambda: _rights(context), _REACHABLE, NAME),
    ]


def shipped_role() -> dict[str, Any]:
    """The Role that the steps need."""
    text = resources.files("kfp_lifecycle.manifests").joinpath("role.yaml").read_text(encoding="utf-8")
    role: dict[str, Any] = yaml.safe_load(text)
    return role


def _reachable(context: Context) -> list[Finding]:
    connection = context.runs()
    version = kubernetes_reviews.server_version(connection)
    return [ok(NAME, f"{version} at {connection.client.configuration.host}")]


def _namespace(context: Context) -> list[Finding]:
    def ask() -> list[Finding]:
        namespace = context.namespace
        if kubernetes_objects.get(context.reader(), NAMESPACES, namespace, namespace) is None:
            remedy = f"Create it (kubectl create namespace {namespace}), or name another one with --namespace."
            return [failure("namespace", f"{namespace!r} does not exist", remedy)]
        return [ok("namespace", f"{namespace!r} exists")]

    return unless_untold("namespace", f"whether {context.namespace!r} exists", ask)


def _rights(context: Context) -> list[Finding]:
    wanted = kubernetes_reviews.rights(shipped_role())
    account = context.service_account
    who = f"service account {account!r}" if account else "the caller of KUBECONFIG"
    connection = context.reader() if account else context.runs()
    try:
        lacking = kubernetes_reviews.missing(connection, wanted, context.namespace, account)
    except KubernetesError as error:
        if error.status != 403 or not account:
            raise
        remedy = "Give --kubeconfig FILE of an administrator, or run the doctor in a pod of that account."
        return [warning("rights", f"of {who} cannot be told: you may not impersonate it", remedy)]
    if not lacking:
        # An administrator has them all, which tells nothing of the runs.
        others = "" if account or context.local else "; --service-account NAME asks for those of the runs' account"
        return [ok("rights", f"{who} has all {len(wanted)} of {ROLE_MANIFEST} in {context.namespace!r}{others}")]
    remedy = (
        f"kubectl apply --namespace {context.namespace} -f {ROLE_MANIFEST} -f kserve/manifests/rolebindings.yaml "
        "(the binding names the runs' service account)."
    )
    named = ", ".join(str(right) for right in lacking)
    return [failure("rights", f"{who} lacks in {context.namespace!r}: {named}", remedy)]
