"""Envoy's fixed part: one listener, one admin port, and where the changing part lies. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kfp_lifecycle.local.gateway.resources import ROUTES

STAT_PREFIX = "gateway"
CLUSTERS_FILE = "clusters.json"
ROUTES_FILE = "routes.json"


def bootstrap(folder: Path, *, port: int, admin_port: int, max_body_bytes: int) -> dict[str, Any]:
    """The bootstrap file of an Envoy that watches ``folder`` for its clusters and routes."""
    return {
        "node": {"id": "kfp-lifecycle", "cluster": "local"},
        "admin": {"address": _loopback(admin_port)},
        # Histograms only move when they are flushed; every 5 s, the default, is longer than a check of a quick judge.
        "stats_flush_interval": "0.5s",
        "dynamic_resources": {"cds_config": _watched(folder, CLUSTERS_FILE)},
        "static_resources": {
            "listeners": [
                {
                    "name": STAT_PREFIX,
                    "address": _loopback(port),
                    # A body that may be sent again while its server restarts has to fit.
                    "per_connection_buffer_limit_bytes": max_body_bytes + 65_536,
                    "filter_chains": [{"filters": [_connection_manager(folder, max_body_bytes)]}],
                }
            ]
        },
    }


def _connection_manager(folder: Path, max_body_bytes: int) -> dict[str, Any]:
    manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"type.googleapis.com/{manager}",
            "stat_prefix": STAT_PREFIX,
            "normalize_path": True,
            "merge_slashes": True,
            "rds": {"route_config_name": ROUTES, "config_source": _watched(folder, ROUTES_FILE)},
            "http_filters": [
                _filter("rbac", "rbac.v3.RBAC"),
                _filter("buffer", "buffer.v3.Buffer", max_request_bytes=max_body_bytes),
                _filter("router", "router.v3.Router"),
            ],
        },
    }


def _filter(name: str, kind: str, **options: Any) -> dict[str, Any]:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.filters.http.{kind}", **options},
    }


def _watched(folder: Path, name: str) -> dict[str, Any]:
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": str(folder / name), "watched_directory": {"path": str(folder)}},
    }


def _loopback(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
