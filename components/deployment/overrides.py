"""Further fields of a predictor, which a user may set beside ours."""

from __future__ import annotations

import json
from typing import Any

from kfp_lifecycle.core.errors import InputError

# What the release itself decides. An override of these would make the record, the digest or the split a lie.
_OWN = frozenset({"name", "canaryTrafficPercent"})
_OWN_OF_MODEL = frozenset({"modelFormat", "runtime", "protocolVersion", "storageUri", "storage", "name"})
# Fields of the levels above a predictor.
_ABOVE = frozenset({"predictor", "canary", "transformer", "explainer", "spec", "metadata"})
_OWN_VARIABLES = "KFP_LIFECYCLE_MODEL_"
_PARAMETER = "spec_overrides"
_REMEDY = 'Write for example {"minReplicas": 2, "model": {"resources": {"limits": {"memory": "2Gi"}}}}.'


def parse_overrides(text: str) -> dict[str, Any]:
    """The fields to merge into a predictor.

    Args:
        text: a JSON object with fields of KServe's PredictorSpec; empty is the same as ``{}``.

    Raises:
        InputError: it is no such object, or sets what the release decides.
    """
    try:
        overrides = json.loads(text or "{}")
    except ValueError as error:
        raise InputError(_PARAMETER, text, "a JSON object", f"{error}. {_REMEDY}") from error
    if not isinstance(overrides, dict):
        raise InputError(_PARAMETER, text, "a JSON object", _REMEDY)
    if above := sorted(_ABOVE & overrides.keys()):
        raise InputError(_PARAMETER, text, f"the fields of a predictor, not {', '.join(above)}", _REMEDY)
    model = overrides.get("model", {})
    if not isinstance(model, dict):
        raise InputError(_PARAMETER, text, "an object under model", _REMEDY)
    taken = [*sorted(_OWN & overrides.keys()), *(f"model.{name}" for name in sorted(_OWN_OF_MODEL & model.keys()))]
    variables = model.get("env", [])
    if not isinstance(variables, list) or not all(isinstance(each, dict) and each.get("name") for each in variables):
        raise InputError(_PARAMETER, text, "a list of named variables under model.env", _REMEDY)
    names = [str(each["name"]) for each in variables]
    taken += [f"model.env {name}" for name in names if name.startswith(_OWN_VARIABLES)]
    if taken:
        raise InputError(_PARAMETER, text, f"no {', '.join(taken)}", "The release sets this itself: leave it out.")
    if len(set(names)) != len(names):
        raise InputError(_PARAMETER, text, "each variable of model.env once", _REMEDY)
    replicas = overrides.get("minReplicas", 1)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 1:
        raise InputError(_PARAMETER, text, "minReplicas of at least 1", "An arm without a replica cannot be probed.")
    _refuse_null(overrides, text, "")
    return overrides


def _refuse_null(value: Any, text: str, path: str) -> None:
    """A null would be dropped on the way, and the field would keep our value without a word."""
    if value is None:
        raise InputError(_PARAMETER, text, f"a value at {path.lstrip('.')}", "Leave the field out instead of null.")
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        _refuse_null(child, text, f"{path}.{key}")
