"""Who may start runs: callers with the shared secret, or everybody on this machine's own loopback."""

from __future__ import annotations

import hmac
import ipaddress
from pathlib import Path

from kfp_lifecycle.core.errors import InputError

SHORTEST_TOKEN = 16
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


class Unreadable(RuntimeError):
    """The secret cannot be read now, so nobody can be let in."""


def require_token(host: str, token_file: str) -> None:
    """Refuse to listen where others can reach the server without a secret.

    Raises:
        InputError: it would, or the secret is absent or too short.
    """
    if token_file:
        try:
            secret(token_file)
        except Unreadable as error:
            raise InputError(
                "--token-file",
                token_file,
                f"a readable file with at least {SHORTEST_TOKEN} characters ({error})",
                "Make one, for example by: openssl rand -hex 32",
            ) from error
    elif not is_loopback(host):
        raise InputError(
            "--token-file",
            "",
            f"a file with a shared secret, as everybody who reaches {host} could start runs",
            "Make one, for example by: openssl rand -hex 32. Senders give it as a bearer token.",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def secret(token_file: str) -> bytes:
    """The shared secret, read anew for each request, as Kubernetes renews mounted files.

    Raises:
        Unreadable: there is none, or one that is too short to be one.
    """
    try:
        content = Path(token_file).read_bytes().strip()
    except OSError as error:
        raise Unreadable(type(error).__name__) from error
    if len(content) < SHORTEST_TOKEN:
        raise Unreadable(f"it holds {len(content)} characters")
    return content


def is_authorized(header: str, token_file: str) -> bool:
    """Whether an ``Authorization`` header has the secret; compared in constant time.

    Raises:
        Unreadable: the secret cannot be read.
    """
    expected = secret(token_file)
    scheme, _, given = header.partition(" ")
    return hmac.compare_digest(given.strip().encode(), expected) and scheme.lower() == "bearer"
