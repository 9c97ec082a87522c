"""The models root: writable from here, at an address that KServe reads, with credentials for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from kfp_lifecycle.adapters import kubernetes_objects, object_probe
from kfp_lifecycle.adapters.kubernetes_objects import Kind
from kfp_lifecycle.adapters.object_uris import public
from kfp_lifecycle.cli.doctor_checks import kubernetes
from kfp_lifecycle.cli.doctor_checks.context import Context, unless_untold
from kfp_lifecycle.cli.doctor_checks.examination import Check
from kfp_lifecycle.cli.doctor_checks.storage_account import judge_account, secrets_of
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.diagnosis import Finding, failure, ok, warning
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.models_root import check_serve_uri, models_root

NAME = "models root"
_SERVED = "models for kserve"
_CLAIMS = Kind("", "v1", "persistentvolumeclaims")
_ACCOUNTS = Kind("", "v1", "serviceaccounts")
# Predictors run as this one unless an override names another.
_ACCOUNT = "default"
_LOOK = f"Check {settings.MODELS_ROOT}, AWS_ENDPOINT_URL and the credentials."


def checks(context: Context) -> list[Check]:
    """The checks of this module."""
    return [
        Check(NAME, lambda: _writable(context), _LOOK, seconds=30),
        Check(_SERVED, lambda: _served(context), _LOOK, kubernetes.NAME),
    ]


def _writable(context: Context) -> list[Finding]:
    root = models_root().write
    if context.read_only:
        remedy = "Run the doctor without --read-only."
        return [warning(NAME, f"{public(root)}: writing was not tried, as --read-only asks", remedy)]
    uri = object_probe.reserved_uri(root)
    with context.probes.holding(f"object {public(uri)}"):
        try:
            object_probe.write(uri, settings.MODELS_ROOT)
        finally:
            stayed = _removed(uri)
    if stayed:
        remedy = f"Remove {public(uri)} by hand; steps never remove anything, so they need no such right."
        return [warning(NAME, f"{public(root)} is written and read, but the probe stayed: {stayed}", remedy)]
    return [ok(NAME, f"{public(root)} is written and read; the probe object is removed again")]


def _removed(uri: str) -> str:
    """Why the probe could not be removed; empty when it is gone."""
    try:
        object_probe.remove(uri, settings.MODELS_ROOT)
    except (InputError, OSError) as error:
        return str(error)[:200]
    return ""


def _served(context: Context) -> list[Finding]:
    serve = models_root().serve
    check_serve_uri(serve)
    address = urlsplit(serve)
    if address.scheme == "pvc":
        return _claim(context, address.netloc)
    if address.scheme in ("s3", "gs"):
        return _credentials(context, serve, address.scheme)
    return [ok(_SERVED, f"{public(serve)} has a scheme that KServe reads here")]


def _claim(context: Context, name: str) -> list[Finding]:
    def ask() -> list[Finding]:
        if kubernetes_objects.get(context.reader(), _CLAIMS, name, context.namespace):
            return [ok(_SERVED, f"PersistentVolumeClaim {name!r} in {context.namespace!r}")]
        remedy = f"Create it where the InferenceServices are, or correct {settings.MODELS_SERVE_ROOT}."
        return [failure(_SERVED, f"no PersistentVolumeClaim {name!r} in {context.namespace!r}", remedy)]

    return unless_untold(_SERVED, f"whether the PersistentVolumeClaim {name!r} exists", ask)


def _credentials(context: Context, serve: str, scheme: str) -> list[Finding]:
    def ask() -> list[Finding]:
        connection = context.reader()
        account = kubernetes_objects.get(connection, _ACCOUNTS, _ACCOUNT, context.namespace) or {}
        secrets = secrets_of(connection, account, context.namespace)
        own_endpoint = bool(settings.setting("AWS_ENDPOINT_URL"))
        return [judge_account(_SERVED, public(serve), scheme, account, secrets, own_endpoint=own_endpoint)]

    return unless_untold(_SERVED, f"by which credentials KServe reads {public(serve)}", ask)
