"""What of a served model is logged, and where to; checked at the start, as a mistyped name would protect nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from kfp_lifecycle.adapters.object_store import locate
from kfp_lifecycle.core.logged_rows import LOG_COLUMNS, class_scores
from kfp_lifecycle.core.settings import (
    PAYLOAD_LOG_EXCLUDE,
    PAYLOAD_LOG_HASH,
    PAYLOAD_LOG_HASH_KEY_FILE,
    PAYLOAD_LOG_SECONDS,
    PAYLOAD_LOG_URI,
)

if TYPE_CHECKING:
    from kfp_lifecycle.core.signature import Signature

DEFAULT_SECONDS = 60.0
# A shorter key could be tried out against the known values of a column.
_KEY_BYTES = 16


@dataclass(frozen=True)
class PayloadLogSettings:
    """Where rows go, and which columns do not go with them.

    Attributes:
        root: folder or prefix; the service's own folder is made below it.
        seconds: a part is written at least so often.
        exclude: features that are left out.
        hashed: features of which only a keyed hash is kept.
        key: of that hash.
    """

    root: str
    seconds: float = DEFAULT_SECONDS
    exclude: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    key: bytes = b""


def payload_log_settings(environment: Mapping[str, str]) -> PayloadLogSettings | None:
    """The settings from the predictor's environment; None when nothing is to be logged.

    Raises:
        ValueError: a value cannot be used; the message names its variable.
    """
    root = environment.get(PAYLOAD_LOG_URI, "").strip()
    if not root:
        return None
    location = locate(root, PAYLOAD_LOG_URI)
    if location.scheme == "https" or location.has_wildcard:
        raise ValueError(f"{PAYLOAD_LOG_URI}={root!r}: expected a folder, s3:// or gs://, without wildcards")
    exclude = _names(environment.get(PAYLOAD_LOG_EXCLUDE, ""))
    hashed = _names(environment.get(PAYLOAD_LOG_HASH, ""))
    if both := sorted(set(exclude) & set(hashed)):
        raise ValueError(f"{both[0]!r} stands in {PAYLOAD_LOG_EXCLUDE} and in {PAYLOAD_LOG_HASH}: leave it in one")
    key = _key(environment.get(PAYLOAD_LOG_HASH_KEY_FILE, "").strip()) if hashed else b""
    return PayloadLogSettings(root, _seconds(environment.get(PAYLOAD_LOG_SECONDS, "")), exclude, hashed, key)


def check_columns_of_log(settings: PayloadLogSettings, signature: Signature) -> None:
    """Refuse settings that do not suit the model, and a model whose features meet the log's own columns.

    Raises:
        ValueError: names the column.
    """
    own = {*LOG_COLUMNS, *class_scores(len(signature.classes or ()))}
    if taken := [name for name in signature.names if name in own]:
        raise ValueError(
            f"the model's column {taken[0]!r} bears the name of a column of the payload log: rename it in the training"
            f" table, or leave {PAYLOAD_LOG_URI} empty"
        )
    for variable, names in ((PAYLOAD_LOG_EXCLUDE, settings.exclude), (PAYLOAD_LOG_HASH, settings.hashed)):
        if unknown := [name for name in names if name not in signature.names]:
            raise ValueError(
                f"{variable}: the model has no column {unknown[0]!r}; its columns are {', '.join(signature.names)}"
            )


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _seconds(text: str) -> float:
    if not text.strip():
        return DEFAULT_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not isfinite(seconds) or not 0.1 <= seconds <= 3600:
        raise ValueError(f"{PAYLOAD_LOG_SECONDS}={text!r}: expected seconds from 0.1 to 3600")
    return seconds


def _key(path: str) -> bytes:
    if not path:
        raise ValueError(f"{PAYLOAD_LOG_HASH} needs a key: name a file with it in {PAYLOAD_LOG_HASH_KEY_FILE}")
    try:
        key = Path(path).read_bytes().strip()
    except OSError as error:
        raise ValueError(f"{PAYLOAD_LOG_HASH_KEY_FILE}={path!r} cannot be read: {error.strerror}") from error
    if len(key) < _KEY_BYTES:
        raise ValueError(f"{PAYLOAD_LOG_HASH_KEY_FILE}={path!r} holds {len(key)} bytes: expected {_KEY_BYTES} or more")
    return key
