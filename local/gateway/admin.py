"""What Envoy says of itself on its admin port."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request

from kfp_lifecycle.local.gateway.bootstrap import STAT_PREFIX
from kfp_lifecycle.local.gateway.resources import ROUTES

CLUSTERS_VERSION = "cluster_manager.cds.version_text"
ROUTES_VERSION = f"http.{STAT_PREFIX}.rds.{ROUTES}.version_text"


def get(admin_url: str, path: str, *, timeout: float = 5) -> str:
    """The body of an admin page, within ``timeout`` seconds.

    Raises:
        OSError: Envoy does not answer.
    """
    with urllib.request.urlopen(f"{admin_url}{path}", timeout=timeout) as answer:
        return str(answer.read().decode())


def is_live(admin_url: str, *, timeout: float = 5) -> bool:
    """Whether Envoy has started and taken its first configuration."""
    try:
        return get(admin_url, "/ready", timeout=timeout).strip() == "LIVE"
    except OSError:
        return False


def stats(admin_url: str, pattern: str, *, timeout: float = 5) -> dict[str, str]:
    """Statistics whose name matches the regular expression, as text.

    Raises:
        OSError: Envoy does not answer.
    """
    page = get(admin_url, f"/stats?{urllib.parse.urlencode({'filter': pattern})}", timeout=timeout)
    pairs = (line.split(": ", 1) for line in page.splitlines() if ": " in line)
    return {name: value.strip('"') for name, value in pairs}


def unhealthy(admin_url: str, wanted: set[str]) -> set[str]:
    """Those of the clusters that are not known yet, or have no healthy server."""
    page = json.loads(get(admin_url, "/clusters?format=json"))
    missing = set(wanted)
    for cluster in page.get("cluster_statuses", []):
        hosts = cluster.get("host_statuses", [])
        if any(_is_healthy(host) for host in hosts):
            missing.discard(cluster["name"])
    return missing


def _is_healthy(host: dict[str, dict[str, object]]) -> bool:
    health = host.get("health_status", {})
    return not any(health.get(flag) for flag in ("failed_active_health_check", "pending_active_hc"))
