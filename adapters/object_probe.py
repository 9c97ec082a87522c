"""Is a place writable? Tried with one small object, which is read back and removed."""

from __future__ import annotations

import uuid

from kfp_lifecycle.adapters.object_access import attempt, file_system
from kfp_lifecycle.adapters.object_files import create, read_bytes
from kfp_lifecycle.adapters.object_uris import join, locate, public

RESERVED = ".kfp-lifecycle-doctor-"
_CONTENT = b"A probe of kfp-lifecycle doctor: remove it.\n"


def reserved_uri(root: str) -> str:
    """The URI of an object below ``root`` that no other caller takes."""
    return join(root, f"{RESERVED}{uuid.uuid4().hex[:12]}")


def write(uri: str, parameter: str) -> None:
    """Write the probe and read it back.

    Raises:
        InputError: the place is not writable or not readable, or there are no credentials.
        ConnectionError: the store did not answer.
        RuntimeError: it gave back something else.
    """
    create(uri, _CONTENT, parameter)
    if read_bytes(uri, parameter) != _CONTENT:
        raise RuntimeError(f"{public(uri)} was read back with other content than was written")


def remove(uri: str, parameter: str) -> None:
    """Remove the probe.

    Raises:
        InputError: the caller may not remove objects there, or there is none.
    """
    location = locate(uri, parameter)
    attempt(location, parameter, lambda: file_system(location).rm_file(location.path), writing=True)
