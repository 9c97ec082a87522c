"""The Kubernetes API of the local cluster: TLS, the tokens of its users, the log files of its pods."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

import kfp_lifecycle
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import kubeconfig
from kfp_lifecycle.local.admitted_store import AdmittedStore
from kfp_lifecycle.local.kubernetes_api import Access, Server, rules_from
from kfp_lifecycle.local.kubernetes_api.certificates import ensure_certificate
from kfp_lifecycle.local.ports import LOOPBACK
from kfp_lifecycle.local.state import PRIVATE, StateFolder, read_json, write_json

NAMESPACES = ("default", "kserve")
_USERS = ("admin", "controller", "steps")
_FOLLOW_SECONDS = 0.3

# namespace, pod, container -> what it wrote
LogFile = Callable[[str, str, str], bytes | None]


class KubernetesServer:
    """Serves the API from a thread; its objects survive in the state folder.

    Attributes:
        token_key: signs the tokens of its service accounts.
    """

    def __init__(self, state: StateFolder, *, port: int, role: str, read_log: LogFile) -> None:
        self.url = f"https://{LOOPBACK}:{port}"
        certificate = ensure_certificate(state["tls"])
        tokens = _tokens(state)
        state["kubernetes.sqlite"].touch(mode=PRIVATE)  # Secrets lie in it
        self._store = AdmittedStore(state["kubernetes.sqlite"])
        self.token_key = self._store.secret("token-key", secrets.token_bytes(32))
        access = Access(self.token_key)
        access.add_admin(tokens["admin"])
        access.add_admin(tokens["controller"], "system:serviceaccount:kserve:kserve-controller-manager")
        access.add_token(tokens["steps"], kubeconfig.STEPS_USER, ("system:serviceaccounts",))
        access.bind(kubeconfig.STEPS_USER, rules_from(_role(role)), kubeconfig.NAMESPACE)
        for user, file in (
            ("admin", "kubeconfig"),
            ("controller", "kubeconfig-controller"),
            ("steps", "kubeconfig-steps"),
        ):
            kubeconfig.write(
                state[file], server=self.url, certificate=certificate.authority, user=user, token=tokens[user]
            )
        reader = _reader(read_log)
        self._server = Server(self._store, access, port=port, certificate=certificate, logs=reader)

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def close(self) -> None:
        """End watches and requests, and close the store."""
        # Clients that keep idle connections open are no error.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._server.stop()


def _tokens(state: StateFolder) -> dict[str, str]:
    known = read_json(state["tokens.json"]) or {}
    tokens = {user: known.get(user) or secrets.token_urlsafe(32) for user in _USERS}
    if tokens != known:
        write_json(state["tokens.json"], tokens)
    return tokens


def _role(path: str) -> Iterable[Any]:
    shipped = Path(kfp_lifecycle.__file__).parent / "manifests" / "role.yaml"
    file = Path(path) if path else shipped
    if not file.exists():
        raise InputError("role", str(file), "a YAML file with a Role", "Run `kfp-lifecycle generate`, or give a file.")
    return list(yaml.safe_load_all(file.read_text()))


def _reader(read_log: LogFile) -> Callable[[str, str, str, int | None, bool], AsyncIterator[bytes]]:
    async def chunks(namespace: str, pod: str, container: str, tail: int | None, follow: bool) -> AsyncIterator[bytes]:
        log = await asyncio.to_thread(read_log, namespace, pod, container) or b""
        yield log if tail is None else b"".join(log.splitlines(keepends=True)[-tail:] if tail else [])
        sent = len(log)
        while follow:
            await asyncio.sleep(_FOLLOW_SECONDS)
            more = await asyncio.to_thread(read_log, namespace, pod, container)
            if more is None:
                return
            # A restarted container begins a new log.
            sent = sent if len(more) >= sent else 0
            if len(more) > sent:
                yield more[sent:]
                sent = len(more)

    return chunks
