"""The page's few buttons: who may press them."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException

LARGEST_BYTES = 4096
FIELD = "token"


def token(secret: bytes, action: str) -> str:
    """What a form must carry to be sent to the path ``action``: only a page of this process can know it."""
    return hmac.new(secret, action.encode(), hashlib.sha256).hexdigest()


def check(secret: bytes, action: str, body: bytes) -> None:
    """Refuse a form that no page of this process has sent.

    Raises:
        HTTPException: 403, it does not carry its token.
    """
    given = parse_qs(body.decode("utf-8", "replace")).get(FIELD, [""])[0]
    if not hmac.compare_digest(token(secret, action).encode(), given.encode("utf-8", "replace")):
        raise HTTPException(403, "The page is from before a restart of the local cluster. Load it again, then repeat.")
