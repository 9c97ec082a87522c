"""Serve a local Kubernetes API alone, for tests and for a look at it."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
from pathlib import Path

from kfp_lifecycle.local.kubernetes_api import Access, Server, Store
from kfp_lifecycle.local.kubernetes_api.certificates import ensure_certificate


def main() -> int:
    """Print `<url>` on one line once the server listens; run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m kfp_lifecycle.local.kubernetes_api", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the state")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--tls", action="store_true", help="serve https with a certificate kept in the state")
    parser.add_argument("--admin-token", required=True, help="bearer token that may do everything")
    options = parser.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)
    store = Store(options.state / "kubernetes.sqlite")
    access = Access(store.secret("token-key", secrets.token_bytes(32)))
    access.add_admin(options.admin_token)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    certificate = ensure_certificate(options.state) if options.tls else None
    with Server(store, access, port=options.port, certificate=certificate) as server:
        print(server.url, flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
