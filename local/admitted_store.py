"""The store of the Kubernetes API behind KServe's webhook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kfp_lifecycle.local.kserve_controller.admission import WEBHOOK, refusal
from kfp_lifecycle.local.kubernetes_api import Store
from kfp_lifecycle.local.kubernetes_api.errors import ApiError
from kfp_lifecycle.local.kubernetes_api.store import Decision, Key

_SERVICES = "inferenceservices.serving.kserve.io"


class AdmittedStore(Store):
    """A store that takes no InferenceService which KServe's webhook would refuse, by whatever verb it comes."""

    def change(self, key: Key, decide: Callable[[dict[str, Any] | None], Decision]) -> dict[str, Any]:
        """One change in one transaction.

        Raises:
            ApiError: 403 with the webhook's words; nothing was changed.
        """
        if key.resource != _SERVICES:
            return super().change(key, decide)

        def admitted(live: dict[str, Any] | None) -> Decision:
            decision = decide(live)
            if decision.effect != "remove" and _asks_something_new(decision.object, live):
                reason = refusal(decision.object, live)
                if reason:
                    text = f'admission webhook "{WEBHOOK}" denied the request: {reason}'
                    raise ApiError(403, text, "Forbidden")
            return decision

        return super().change(key, admitted)


def _asks_something_new(new: dict[str, Any], live: dict[str, Any] | None) -> bool:
    """Not a write of the status alone: webhooks do not see those."""
    if live is None:
        return True
    same_spec = new.get("spec") == live.get("spec")
    return not (same_spec and new["metadata"].get("annotations") == live["metadata"].get("annotations"))
