"""How requests reach an arm: through the gateway of the settings, or at the host itself."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp_lifecycle.core import settings
from kfp_lifecycle.core.logged_rows import CHECK_ID


@dataclass(frozen=True)
class Gateway:
    """Where requests are sent, and what proves them.

    Attributes:
        url: of the gateway, where the Host header chooses the arm; empty to send to ``http://<host>`` itself.
        ca_file: certificate authority of an https gateway.
        token_file: read anew for each request, as Kubernetes renews mounted tokens.
    """

    url: str = ""
    ca_file: str = ""
    token_file: str = ""

    def address(self, host: str) -> str:
        """The base URL for a host."""
        return (self.url or f"http://{host}").rstrip("/")

    def headers(self, host: str) -> dict[str, str]:
        """The headers that lead to a host, prove the caller, and keep the request out of the log of users' requests."""
        found = {"x-request-id": _check_id()}
        if self.url:
            found["Host"] = host
        if self.token_file:
            found["Authorization"] = f"Bearer {Path(self.token_file).read_text(encoding='utf-8').strip()}"
        return found

    def verification(self) -> ssl.SSLContext | bool:
        """What an https gateway's certificate is checked against."""
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True


def as_check(request: Mapping[str, Any]) -> dict[str, Any]:
    """A V2 body with an id that keeps it out of the log; a gateway at the edge may replace the header's."""
    return {**request, "id": _check_id()}


def _check_id() -> str:
    return f"{CHECK_ID}{uuid.uuid4().hex}"


def configured() -> Gateway:
    """The gateway of the settings."""
    return Gateway(
        settings.setting(settings.GATEWAY_URL),
        settings.setting(settings.GATEWAY_CA_FILE),
        settings.setting(settings.GATEWAY_TOKEN_FILE),
    )
