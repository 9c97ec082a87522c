"""The settings of the payload log, on their way from the step to the model server."""

from __future__ import annotations

from collections.abc import Mapping

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.settings import PAYLOAD_LOG, PAYLOAD_LOG_URI

_SCHEMES = ("s3", "gs", "file")


def check_payload_log(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables that the server gets: those with a value.

    What protects columns goes along without a place too, as the place may come by ``spec_overrides`` or the
    ServingRuntime. The server itself checks the rest against its model, and does not start with what it cannot use.

    Raises:
        InputError: the server could not write to the place.
    """
    uri = settings.get(PAYLOAD_LOG_URI, "").strip()
    scheme, separator, rest = uri.partition("://")
    usable = bool(rest.strip("/")) and scheme in _SCHEMES if separator else uri.startswith("/")
    if uri and (not usable or any(sign in uri for sign in "*?[")):
        raise InputError(
            PAYLOAD_LOG_URI,
            uri,
            "s3://, gs:// or a full path, without wildcards",
            "Correct it in the ConfigMap, or leave it empty for no log.",
        )
    return {name: settings[name].strip() for name in PAYLOAD_LOG if settings.get(name, "").strip()}
