"""Whether a server of the local cluster works."""

from __future__ import annotations

import http.client
import urllib.request


def answers(url: str, *, timeout: float = 2) -> bool:
    """Whether the address answers 200; each wait for it takes at most ``timeout`` seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):
        # Away, or something that speaks no HTTP has the port.
        return False
