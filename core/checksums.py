"""Digests that identify tables, models and code."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

CHECKSUMS = "checksums.json"
_CHUNK = 1 << 20


class ChecksumError(ValueError):
    """A model directory differs from what its checksums or its recorded digest say."""


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: str | os.PathLike[str]) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """One spelling for equal values: sorted keys, no spaces, UTF-8; NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_key(
    *, model_name: str, table_digest: str, estimator: str, parameters: dict[str, Any], seed: int, code_digest: str
) -> str:
    """Identity of a training: equal inputs give one key, whatever bytes the dumped model has."""
    return sha256_bytes(
        canonical_json(
            {
                "model_name": model_name,
                "table_digest": table_digest,
                "estimator": estimator,
                "parameters": parameters,
                "seed": seed,
                "code_digest": code_digest,
            }
        )
    )


def _files(directory: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(directory.rglob("*")):
        if path.is_symlink():
            raise ChecksumError(
                f"{path.relative_to(directory).as_posix()} is a symbolic link: expected plain files only"
            )
        if path.is_file():
            name = path.relative_to(directory).as_posix()
            if name != CHECKSUMS:
                found[name] = path
    return found


def write_checksums(directory: str | os.PathLike[str]) -> str:
    """Write ``checksums.json`` over every other file and return the model digest, the sha256 of that file."""
    root = Path(directory)
    content = canonical_json({name: sha256_file(path) for name, path in _files(root).items()})
    (root / CHECKSUMS).write_bytes(content)
    return sha256_bytes(content)


def verify_checksums(directory: str | os.PathLike[str], expected_digest: str = "") -> str:
    """Return the digest of a model directory after checking every file.

    Raises:
        ChecksumError: names the file that is missing, changed or added, or the digest that differs.
    """
    root = Path(directory)
    path = root / CHECKSUMS
    if not path.is_file():
        raise ChecksumError(f"{CHECKSUMS} is missing from the model directory {root.name!r}")
    content = path.read_bytes()
    digest = sha256_bytes(content)
    if expected_digest and digest != expected_digest:
        raise ChecksumError(f"{CHECKSUMS} has digest {digest}: expected {expected_digest}, the one recorded")
    try:
        recorded = json.loads(content)
    except ValueError as error:
        raise ChecksumError(f"{CHECKSUMS} is not JSON: {error}") from error
    if not isinstance(recorded, dict):
        raise ChecksumError(f"{CHECKSUMS} holds a {type(recorded).__name__}: expected an object of file names")
    present = _files(root)
    if missing := sorted(recorded.keys() - present.keys()):
        raise ChecksumError(f"{missing[0]} is missing ({len(missing)} file(s) in all)")
    if added := sorted(present.keys() - recorded.keys()):
        raise ChecksumError(f"{added[0]} was added ({len(added)} file(s) in all)")
    for name, file in present.items():
        if sha256_file(file) != recorded[name]:
            raise ChecksumError(f"{name} was changed: its sha256 differs from the one in {CHECKSUMS}")
    return digest
