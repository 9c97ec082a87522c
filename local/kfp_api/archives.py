"""Archives that hold a package: zip and tar.gz, of which no more than a limit is unpacked."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib

from kfp_lifecycle.local.kfp_api import errors

LARGEST = 8 << 20
# As KFP's own server: what else a zip may use needs memory that the archive chooses.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
# What zipfile and tarfile raise of archives that are broken or unusual.
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, zlib.error, struct.error),
    *(ValueError, LookupError, OverflowError, RuntimeError),
)


def content(raw: bytes) -> bytes:
    """The YAML file in an archive; what is no archive is taken as that file.

    Raises:
        ApiError: 400, it cannot be unpacked; 413, it unpacks to more than 8 MiB.
    """
    try:
        if raw[:4] == b"PK\x03\x04":
            return _zipped(raw)
        if raw[:2] == b"\x1f\x8b":
            return _tarred(raw)
    except _BROKEN as error:
        raise errors.invalid(f"the package cannot be unpacked: {error}") from error
    return _limited(raw)


def _zipped(raw: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entry = archive.getinfo(_chosen([entry.filename for entry in archive.infolist() if not entry.is_dir()]))
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise errors.invalid("the package cannot be unpacked: it must be stored or deflated, and not encrypted")
        with archive.open(entry) as file:
            return _limited(file.read(LARGEST + 1))


def _tarred(raw: bytes) -> bytes:
    # The whole of it is unpacked here, within bounds, before tarfile looks for names in it.
    with gzip.open(io.BytesIO(raw)) as stream:
        plain = _limited(stream.read(LARGEST + 1))
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as tar:
        files = {}
        for member in tar:
            # A negative size would lead back to where it stands, for ever; a sparse file is larger than its archive.
            if member.size < 0 or member.issparse():
                raise errors.invalid("the package cannot be unpacked: a file in it is sparse or has no size")
            if member.isfile():
                files[member.name] = member
        inner = tar.extractfile(files[_chosen(list(files))])
        return _limited(inner.read(LARGEST + 1)) if inner else b""


def _chosen(names: list[str]) -> str:
    """As kfp.Client chooses: pipeline.yaml, else the only YAML file."""
    found = [name for name in names if name.endswith((".yaml", ".yml"))]
    if "pipeline.yaml" in found:
        return "pipeline.yaml"
    if len(found) != 1:
        raise errors.invalid(f"the package holds {len(found)} YAML files and none is pipeline.yaml; expected one")
    return found[0]


def _limited(raw: bytes) -> bytes:
    if len(raw) > LARGEST:
        raise errors.too_large(LARGEST)
    return raw
