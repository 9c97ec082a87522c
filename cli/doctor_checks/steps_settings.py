"""The ConfigMap and the Secret that runs take their settings from. Keys are looked at, values never shown."""

from __future__ import annotations

from kfp_lifecycle.adapters import kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_objects import CONFIG_MAPS, Kind
from kfp_lifecycle.cli.doctor_checks import kubernetes
from kfp_lifecycle.cli.doctor_checks.context import Context, unless_untold
from kfp_lifecycle.cli.doctor_checks.examination import Check
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.diagnosis import Finding, failure, ok, warning

SECRETS = Kind("", "v1", "secrets")
_LOOK = f"See whether {settings.CONFIG_MAP!r} is there: kubectl get configmap,secret {settings.CONFIG_MAP}."
_MANIFEST = "kserve/manifests/settings.yaml"
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def checks(context: Context) -> list[Check]:
    """The checks of this module."""
    if context.local:
        return [Check("settings", _of_the_local_cluster, _LOOK)]
    return [
        Check("config map", lambda: _config_map(context), _LOOK, kubernetes.NAME),
        Check("secret", lambda: _secret(context), _LOOK, kubernetes.NAME),
    ]


def _of_the_local_cluster() -> list[Finding]:
    return [ok("settings", "of the local cluster, from its state folder; no ConfigMap or Secret is read")]


def _config_map(context: Context) -> list[Finding]:
    def ask() -> list[Finding]:
        found = kubernetes_objects.get(context.reader(), CONFIG_MAPS, settings.CONFIG_MAP, context.namespace)
        where = f"ConfigMap {settings.CONFIG_MAP!r} in {context.namespace!r}"
        if found is None:
            remedy = f"Fill in {_MANIFEST} and kubectl apply --namespace {context.namespace} -f {_MANIFEST}."
            return [failure("config map", f"no {where}: runs have no settings", remedy)]
        data = {str(key): str(value).strip() for key, value in (found.get("data") or {}).items()}
        return _judged(data, where)

    return unless_untold("config map", "its keys", ask)


def _judged(data: dict[str, str], where: str) -> list[Finding]:
    findings = []
    if not data.get(settings.MODELS_ROOT):
        remedy = f"Set it to where register may export models, for example s3://models/kfp-lifecycle ({_MANIFEST})."
        findings.append(failure("config map", f"{where} lacks {settings.MODELS_ROOT}", remedy))
    if not data.get(settings.MLFLOW_TRACKING_URI):
        remedy = "Set it, unless KFP's MLflow plugin sets the variable on every task."
        findings.append(warning("config map", f"{where} lacks {settings.MLFLOW_TRACKING_URI}", remedy))
    if unknown := sorted(set(data) - set(settings.FROM_CONFIG_MAP)):
        remedy = f"No step reads them: correct the spelling by {_MANIFEST}, or remove them."
        findings.append(warning("config map", f"{where} has unknown keys: {', '.join(unknown)}", remedy))
    # A shell that has no such variable was not asked; one that has another value leads the doctor elsewhere.
    if differing := [name for name in settings.FROM_CONFIG_MAP if _differs(name, data.get(name, ""))]:
        remedy = "Export the ConfigMap's values before you ask the doctor, or correct the ConfigMap."
        text = f"the doctor asks by other values than runs get: {', '.join(differing)} of this shell differ"
        findings.append(warning("config map", text, remedy))
    return findings or [ok("config map", f"{where} has {len([each for each in data.values() if each])} settings")]


def _differs(name: str, value: str) -> bool:
    return settings.setting(name) != (value or settings.DEFAULTS.get(name, ""))


def _secret(context: Context) -> list[Finding]:
    def ask() -> list[Finding]:
        found = kubernetes_objects.get(context.reader(), SECRETS, settings.SECRET, context.namespace)
        data = (found or {}).get("data") or {}
        filled = [str(key) for key, value in data.items() if value]
        where = f"Secret {settings.SECRET!r} in {context.namespace!r}"
        if unknown := sorted(set(filled) - set(settings.FROM_SECRET)):
            remedy = f"No step reads them: correct the spelling by {_MANIFEST}, or remove them."
            return [warning("secret", f"{where} has unknown keys: {', '.join(unknown)}", remedy)]
        lacking = [key for key in _AWS if key not in filled]
        if lacking and settings.setting(settings.MODELS_ROOT).startswith("s3://"):
            remedy = f"Fill it in by {_MANIFEST}, unless the runs' service account has a role of the cloud."
            said = f"lacks {' and '.join(lacking)}" if found else "does not exist"
            return [warning("secret", f"{where} {said}, and the models root is an s3 bucket", remedy)]
        if found is None:
            return [ok("secret", f"no {where}; nothing set needs one")]
        return [ok("secret", f"{where} has {', '.join(filled) or 'no value'}")]

    return unless_untold("secret", "its keys", ask)
