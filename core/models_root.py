"""Where registered models are exported, as the steps write it and as KServe reads it.

The two may differ: a step writes to ``/mnt/models`` of a mounted volume that KServe knows as ``pvc://models``. Below
either, an export lies at ``<model name>/<digest>`` and never changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.settings import MODELS_ROOT, MODELS_SERVE_ROOT, SERVE_SCHEMES, required, setting, words

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelsRoot:
    """The two URIs of one place."""

    write: str
    serve: str

    def write_uri(self, name: str, digest: str) -> str:
        return f"{self.write}/{name}/{digest}"

    def serve_uri(self, name: str, digest: str) -> str:
        return f"{self.serve}/{name}/{digest}"

    def readable(self, uri: str) -> str:
        """The URI under which a step reads what KServe reads at ``uri``; itself when it lies elsewhere."""
        if uri.startswith(f"{self.serve}/"):
            return self.write + uri.removeprefix(self.serve)
        return uri


def models_root() -> ModelsRoot:
    """The models root that the environment names.

    Raises:
        InputError: ``KFP_LIFECYCLE_MODELS_ROOT`` is not set.
    """
    write = required(MODELS_ROOT).rstrip("/")
    serve = setting(MODELS_SERVE_ROOT).rstrip("/") or write
    # KServe takes URIs only.
    return ModelsRoot(write, f"file://{serve}" if serve.startswith("/") else serve)


def check_digest(digest: str) -> str:
    """The digest, if it is a sha256 in lower-case hex.

    Raises:
        InputError: it is not.
    """
    if not _DIGEST.fullmatch(digest):
        raise InputError("digest", digest, "64 lower-case hex digits", "Pass on the digest that register returned.")
    return digest


def check_serve_uri(uri: str) -> str:
    """The URI, if KServe on this cluster can read such a place.

    Raises:
        InputError: its scheme is not one of ``KFP_LIFECYCLE_SERVE_SCHEMES``; a bare path has none.
    """
    schemes = words(SERVE_SCHEMES)
    if urlsplit(uri).scheme not in schemes:
        raise InputError(
            "uri",
            uri,
            f"a URI that KServe can read here: {', '.join(f'{scheme}://' for scheme in schemes)}",
            f"A path of this machine does not exist on a cluster's nodes. Set {MODELS_SERVE_ROOT} to the URI under "
            f"which KServe reads the models root, or add the scheme to {SERVE_SCHEMES}.",
        )
    return uri
