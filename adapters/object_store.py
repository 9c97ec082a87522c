"""The one door to files in stores: local paths, ``file://``, ``s3://``, ``gs://`` and, to read only, ``https://``.

Credentials and endpoints come from the environment alone. A name is written once: nothing here overwrites or removes.
Failures that pass are repeated a few times; the rest are refusals that name the parameter, the URI and what to do.
"""

from __future__ import annotations

from kfp_lifecycle.adapters.object_files import create, create_from, exists, list_files, open_input, read_bytes
from kfp_lifecycle.adapters.object_folders import get_directory, put_directory
from kfp_lifecycle.adapters.object_uris import join, locate, public

__all__ = [
    "create",
    "create_from",
    "exists",
    "get_directory",
    "join",
    "list_files",
    "locate",
    "open_input",
    "public",
    "put_directory",
    "read_bytes",
]
