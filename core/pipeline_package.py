"""A compiled pipeline as a file to upload, and the digest of its content."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kfp_lifecycle.core.checksums import sha256_bytes
from kfp_lifecycle.core.errors import InputError

# What the API server takes at most.
LARGEST_BYTES = 32 << 20
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REMEDY = "Run compile.py, then give files of build/pipelines/."
_MARKED = re.compile(r"\bcontent sha256:([0-9a-f]{64})\b")
_SHORT = 12


@dataclass(frozen=True)
class Package:
    """One file.

    Attributes:
        name: the pipeline's, from the file.
        digest: sha256 of the parsed documents as canonical JSON, so that neither comments nor white space count.
    """

    path: str
    name: str
    digest: str


def read_package(path: str | Path) -> Package:
    """Read a file that ``compile.py`` or KFP's compiler wrote.

    Raises:
        InputError: there is no such file, it is no compiled pipeline, or it is too large to upload.
    """
    try:
        content = Path(path).read_bytes()
        if len(content) > LARGEST_BYTES:
            raise InputError(str(path), len(content), f"at most {LARGEST_BYTES} bytes", "Split the pipeline.")
        documents = list(yaml.load_all(content, Loader=_LOADER))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(str(path), type(error).__name__, "a readable YAML file", _REMEDY) from error
    first = documents[0] if documents else None
    information = first.get("pipelineInfo") if isinstance(first, dict) else None
    name = information.get("name") if isinstance(information, dict) else None
    if not isinstance(name, str) or not name:
        raise InputError(str(path), name, "a compiled pipeline", _REMEDY)
    return Package(str(path), name, content_digest(documents))


def content_digest(documents: list[Any]) -> str:
    """sha256 of what the documents say."""
    return sha256_bytes(json.dumps(documents, sort_keys=True, separators=(",", ":"), default=str).encode())


def version_names(digest: str) -> Iterator[str]:
    """Names for a version by its content; content that comes back after another takes the next one that is free."""
    yield digest[:_SHORT]
    for number in itertools.count(2):
        yield f"{digest[:_SHORT]}-{number}"


def described(digest: str) -> str:
    """The description of a version, from which a later upload reads its digest."""
    return f"Uploaded by kfp-lifecycle, content sha256:{digest}"


def described_digest(description: str) -> str:
    """The digest in a version's description; empty where something else made the version."""
    found = _MARKED.search(description)
    return found[1] if found else ""
