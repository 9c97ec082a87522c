"""Kubeconfig files for the local Kubernetes API."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from kfp_lifecycle.local.state import write_private

CONTEXT = "kfp-lifecycle-local"
NAMESPACE = "default"
# KFP's default service account in a profile; the shipped Role is bound to it.
STEPS_USER = f"system:serviceaccount:{NAMESPACE}:default-editor"


def write(path: Path, *, server: str, certificate: Path, user: str, token: str) -> None:
    """Write a kubeconfig with one context; only its owner can read it."""
    authority = base64.b64encode(certificate.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user, "namespace": NAMESPACE}}],
    }
    write_private(path, yaml.safe_dump(content, sort_keys=False))
