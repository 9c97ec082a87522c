"""The table of image families: one image per set of dependencies, all tagged with the package's version.

A face names its family and nothing else knows a reference; ``compile.py`` rewrites compiled files for another
registry, tag or image. Names contain "python" because ``kfp.local`` warns about every other image.
"""

from __future__ import annotations

import re

from kfp_lifecycle import __version__
from kfp_lifecycle.core.errors import InputError

REGISTRY = "ghcr.io/kfp-lifecycle"
NAMES = {
    "train": "kfp-lifecycle-python-train",
    "release": "kfp-lifecycle-python-release",
    "drift": "kfp-lifecycle-python-drift",
    "serve": "kfp-lifecycle-python-serve",
}

_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]+)?/)?"
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"


def reference(family: str, *, registry: str = REGISTRY, tag: str = __version__) -> str:
    """The image of a family.

    Raises:
        InputError: there is no such family, or registry and tag make no valid reference.
    """
    if family not in NAMES:
        raise InputError("family", family, f"one of {sorted(NAMES)}", "The table is components/images.py.")
    if not re.fullmatch(_TAG, tag):
        raise InputError("tag", tag, "letters, digits, '.', '_' and '-', at most 128", "Write a tag such as 0.1.0.")
    if not re.fullmatch(_HOST + _PATH, registry):
        raise InputError(
            "registry",
            registry,
            "a registry with a path, without scheme and closing '/'",
            "Write for example registry.example.com/mirror.",
        )
    return f"{registry}/{NAMES[family]}:{tag}"


def check_reference(text: str) -> str:
    """The reference, if it names an image with a tag or a digest; ``latest`` is refused, as caches never see it move.

    Raises:
        InputError: it is no such reference.
    """
    if not re.fullmatch(rf"{_HOST}{_PATH}(?::{_TAG})?(?:@{_DIGEST})?", text):
        raise InputError(
            "image", text, "an image reference", "Write for example registry.example.com/team/image-python:1.2."
        )
    last = text.rsplit("/", 1)[-1]
    if "@" not in last and (":" not in last or last.endswith(":latest")):
        raise InputError(
            "image",
            text,
            "a reference with a digest, or with a tag other than latest",
            "KFP caches by the text of the reference, so new code needs a new tag.",
        )
    return text
