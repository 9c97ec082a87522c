"""The kubeconfig by which clients find the local server. Pure."""

from __future__ import annotations

import base64
from typing import Any


def kubeconfig(
    server: str, token: str, *, authority: bytes = b"", namespace: str = "default", name: str = "local"
) -> dict[str, Any]:
    """A kubeconfig document of one cluster, one user and one context.

    Args:
        server: URL of the server.
        token: bearer token of the user. kubectl sends it only to an https URL.
        authority: PEM of the certificate authority of an https server.
        namespace: the namespace of commands that name none.
        name: name of the cluster, the user and the context.
    """
    cluster: dict[str, Any] = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
    }
