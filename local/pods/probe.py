"""Readiness probes over HTTP."""

from __future__ import annotations

import http.client

from kfp_lifecycle.local.ports import LOOPBACK


def answers(port: int, path: str, *, timeout: float) -> bool:
    """Whether the server says that it is ready: status 200 to 399, as a kubelet reads it."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"User-Agent": "kube-probe/1"})
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
