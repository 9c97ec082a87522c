"""Conditions as Knative's library keeps them, which KServe uses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Conditions = dict[str, dict[str, str]]

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"
READY, PREDICTOR, INGRESS = "Ready", "PredictorReady", "IngressReady"
# Only these decide on Ready; the others carry severity Info.
_DEPENDENTS = (PREDICTOR, INGRESS)


def initial() -> Conditions:
    """The conditions of an InferenceService that nothing is known of."""
    return {kind: {"type": kind, "status": UNKNOWN} for kind in (READY, *_DEPENDENTS)}


def mark(conditions: Conditions, kind: str, status: str, reason: str = "", message: str = "") -> None:
    """Set a condition; a dependent one moves Ready (knative.dev/pkg: MarkTrue, MarkFalse, MarkUnknown)."""
    _set(conditions, kind, status, reason, message)
    if kind not in _DEPENDENTS:
        return
    statuses = [conditions.get(one, {}).get("status", UNKNOWN) for one in _DEPENDENTS]
    if status == FALSE:
        _set(conditions, READY, FALSE, reason, message)
    elif status == UNKNOWN:
        # A failed condition trumps an unknown one.
        if FALSE not in statuses:
            _set(conditions, READY, UNKNOWN, reason, message)
    elif all(one == TRUE for one in statuses):
        _set(conditions, READY, TRUE, "", "")
    else:
        worst = FALSE if FALSE in statuses else UNKNOWN
        unhappy = next(one for one in _DEPENDENTS if conditions.get(one, {}).get("status", UNKNOWN) == worst)
        found = conditions.get(unhappy, {})
        _set(conditions, READY, worst, found.get("reason", ""), found.get("message", ""))


def status_of(conditions: Mapping[str, Mapping[str, str]], kind: str) -> str:
    """The status of a condition; Unknown if it is absent."""
    return conditions.get(kind, {}).get("status", UNKNOWN)


def stamped(conditions: Conditions, before: Iterable[Mapping[str, str]], now: float) -> list[dict[str, str]]:
    """The conditions by type; one that says the same as before keeps its time."""
    old = {one["type"]: dict(one) for one in before}
    stamped_ = []
    for kind in sorted(conditions):
        one = dict(conditions[kind])
        earlier = old.get(kind, {})
        at = earlier.pop("lastTransitionTime", "") or timestamp(now)
        one["lastTransitionTime"] = at if earlier == one else timestamp(now)
        stamped_.append(one)
    return stamped_


def timestamp(seconds: float) -> str:
    """A time as Kubernetes writes it: UTC, whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _set(conditions: Conditions, kind: str, status: str, reason: str, message: str) -> None:
    one = {"type": kind, "status": status}
    if kind not in (READY, *_DEPENDENTS):
        one["severity"] = "Info"
    if reason:
        one["reason"] = reason
    if message:
        one["message"] = message
    conditions[kind] = one


def one(conditions: Iterable[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    """The condition of this type in a list; empty if it is absent."""
    return next((entry for entry in conditions if entry.get("type") == kind), {})
