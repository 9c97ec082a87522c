"""Signed bearer tokens of service accounts (JWT, HMAC-SHA256), as TokenRequest hands them out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

_HEADER = {"alg": "HS256", "typ": "JWT"}


def sign(claims: Mapping[str, Any], key: bytes) -> str:
    """A compact JWT over the claims."""
    body = ".".join(_encode(json.dumps(part, separators=(",", ":")).encode()) for part in (_HEADER, claims))
    return f"{body}.{_encode(_mac(body, key))}"


def verify(token: str, key: bytes, now: float) -> dict[str, Any] | None:
    """The claims of a token that this key signed and that has not expired at `now` (Unix seconds), else None."""
    body, _, signature = token.rpartition(".")
    try:
        given = _decode(signature)
        claims = json.loads(_decode(body.partition(".")[2])) if body.count(".") == 1 else None
    except ValueError:
        return None
    if claims is None or not hmac.compare_digest(given, _mac(body, key)) or claims.get("exp", 0) <= now:
        return None
    found: dict[str, Any] = claims
    return found


def _mac(body: str, key: bytes) -> bytes:
    return hmac.digest(key, body.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
