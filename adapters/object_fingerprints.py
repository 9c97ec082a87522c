"""Fingerprints of data in stores: another one exactly when the content is another.

Stores that keep a checksum of each file are believed, and then nothing is read. S3's ETag is such a checksum; for a
file that was uploaded in parts it also depends on the parts, so the same file uploaded otherwise counts as changed.
"""

from __future__ import annotations

import hashlib
from typing import Any

from kfp_lifecycle.adapters import object_files
from kfp_lifecycle.adapters.object_uris import Location, below, is_hidden, locate, public
from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.errors import InputError

# What each store calls the checksum of a file's content, the better one first.
_CHECKSUMS = {"s3": ("ETag",), "gs": ("md5Hash", "crc32c")}
_CHUNK = 1 << 20


def fingerprint(uri: str, parameter: str = "uri") -> str:
    """A digest over names and contents of the files that a URI stands for: one, a folder's, or a pattern's.

    Files and folders that start with a dot or an underscore are passed over, as ``collect`` does it. Local and https
    files are read whole.

    Raises:
        InputError: nothing is there, or it may not be read.
        ConnectionError: the store did not answer.
    """
    base = locate(uri, parameter).uri
    found = [(each, info) for each, info in object_files.listed(uri, parameter) if not is_hidden(each.uri, base)]
    if not found:
        raise InputError(parameter, public(uri), "files of data", "The folder holds only hidden files.")
    # A file that is named itself may be given by another name, as a signed URL is.
    names = ["" if each.uri == base else "/".join(below(each.uri, base)) for each, _ in found]
    contents = [_content(each, info, parameter) for each, info in found]
    return sha256_bytes(canonical_json(list(zip(names, contents, strict=True))))


def _content(file: Location, info: dict[str, Any], parameter: str) -> list[str | int]:
    for name in _CHECKSUMS.get(file.scheme, ()):
        if info.get(name):
            return [name, str(info[name]).strip('"'), int(info["size"])]
    # A time of change says nothing of the content: a checkout gives every file a new one.
    digest, size = hashlib.sha256(), 0
    with object_files.open_input(file.uri, parameter) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return ["sha256", digest.hexdigest(), size]
