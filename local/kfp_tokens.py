"""Tokens for the KFP API: the key they are signed with, and the file from which steps read theirs."""

from __future__ import annotations

import time

from kfp_lifecycle.adapters.kfp_errors import AUDIENCE
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.kubernetes_api import tokens
from kfp_lifecycle.local.state import StateFolder, write_private

KEY_FILE = "token-key"
TOKEN_FILE = "kfp-token"
_SECONDS = 3600
# A kubelet renews a projected token when a fifth of its life is left.
_RENEWED_BEFORE = _SECONDS / 5


def share(state: StateFolder, key: bytes) -> None:
    """Let the KFP API's process have the key of the Kubernetes API's tokens."""
    write_private(state[KEY_FILE], key.hex())


def key(state: StateFolder) -> bytes:
    """The key that :func:`share` wrote.

    Raises:
        InputError: there is none.
    """
    try:
        return bytes.fromhex(state[KEY_FILE].read_text())
    except FileNotFoundError as error:
        raise InputError(
            "kfp_tokens", True, "a local Kubernetes API that issues tokens", "Start it by `kfp-lifecycle local up`."
        ) from error


def renew(state: StateFolder, signing_key: bytes, user: str, *, now: float | None = None) -> None:
    """Write the steps' token if it is missing, foreign or soon at its end; as the kubelet does it in a pod.

    Args:
        user: the steps' service account, ``system:serviceaccount:NAMESPACE:NAME``.
        now: Unix seconds.
    """
    moment = time.time() if now is None else now
    file = state[TOKEN_FILE]
    present = tokens.verify(file.read_text(), signing_key, moment + _RENEWED_BEFORE) if file.exists() else None
    if present is None or present["sub"] != user:
        claims = {"sub": user, "aud": [AUDIENCE], "iat": int(moment), "exp": int(moment) + _SECONDS}
        write_private(file, tokens.sign(claims, signing_key))
