"""Answers of the KFP API, told from those of a login page or a proxy that answers 200 in its place.

The generated client makes an object without values of whatever it cannot read, and an empty answer would then say that
there is no run, or that one was started without an id.
"""

from __future__ import annotations

import json
from typing import Any

import kfp_server_api

from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.core import settings


class StrictClient(kfp_server_api.ApiClient):  # type: ignore[misc]  # it has no types
    """The generated client, which takes JSON objects only; the API has no other answers."""

    def deserialize(self, response: Any, response_type: Any) -> Any:
        """The answer as a model.

        Raises:
            KfpError: it is no JSON object.
        """
        try:
            is_object = isinstance(json.loads(response.data), dict)
        except ValueError:
            is_object = False
        if not is_object:
            raise stranger(self.configuration.host, response.status)
        return super().deserialize(response, response_type)


def is_multi_user(health: dict[str, Any], host: str) -> bool:
    """What the health answer tells; KFP and the UI in front of it write it as true or false.

    Raises:
        KfpError: it is not KFP's; 503 for that of a UI which has not yet reached its API.
    """
    found = health.get("multi_user")
    if isinstance(found, bool):
        return found
    if health.get("apiServerReady") is False:
        raise KfpError(503, f"the KFP UI at {host} answers, and says that its API is not ready. Try again later.")
    raise stranger(host, 200)


def identified(found: str | None, what: str, host: str) -> str:
    """The id in an answer.

    Raises:
        KfpError: it has none.
    """
    if not found:
        raise KfpError(200, f"the API at {host} answered with {what} without an id, so it is not known to be there.")
    return found


def stranger(host: str, status: int) -> KfpError:
    """The error for an answer that is not KFP's."""
    return KfpError(
        status,
        f"{host} answers, but not as KFP does: perhaps with the login page of a proxy in front of it. Check "
        f"{settings.KFP_ENDPOINT} (on Kubeflow it ends in /pipeline) and the token of {settings.KFP_TOKEN_FILE}.",
    )
