"""What the status page asks of the running cluster. Whatever is away is named; no page fails for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from kfp_lifecycle.local import lifecycle, mlflow_server
from kfp_lifecycle.local.gateway import admin
from kfp_lifecycle.local.kserve_controller.objects import Objects
from kfp_lifecycle.local.service_overview import service_overviews
from kfp_lifecycle.local.state import StateFolder

# A page that waits longer than this for a part says that it is away instead.
SECONDS = 1.5
_HEALTH_SECONDS = 0.8
AWAY = (ApiException, HTTPError, config.ConfigException, OSError)


@dataclass(frozen=True)
class Part:
    """One server of the cluster; ``link`` is for a browser, empty where it has no page."""

    name: str
    url: str
    link: str
    works: bool
    purpose: str


@dataclass(frozen=True)
class Services:
    """The services, or why they cannot be told."""

    lines: tuple[dict[str, Any], ...]
    away: str


def record(state: StateFolder) -> dict[str, Any]:
    """What the supervisor says of itself; empty if none runs."""
    return lifecycle.record(state) or {}


def parts(known: dict[str, Any]) -> list[Part]:
    """The servers and whether each answers, asked all at once."""
    urls = known.get("urls", {})
    tests: list[tuple[str, str, Callable[[str], bool], str]] = [
        ("MLflow", "mlflow", lambda url: mlflow_server.is_ready(url, timeout=_HEALTH_SECONDS), "experiments, models"),
        ("Gateway", "gateway", lambda _: _gateway(urls), "predictions, by the service's Host header"),
    ]
    asked = [each for each in tests if each[1] in urls]
    with ThreadPoolExecutor(max_workers=2) as pool:
        answers = list(pool.map(lambda each: each[2](urls[each[1]]), asked))
    return [
        Part(name, urls[key], urls[key] if key == "mlflow" else "", works, purpose)
        for (name, key, _, purpose), works in zip(asked, answers, strict=True)
    ]


def services(state: StateFolder, known: dict[str, Any]) -> Services:
    """The InferenceServices with their weights and pods."""
    if not known:
        return Services((), "The local cluster does not run.")
    try:
        found = service_overviews(objects(state), known["settings"]["domain"])
    except AWAY as error:
        return Services((), away("The Kubernetes API", error))
    return Services(tuple(sorted(found, key=lambda each: (each["namespace"], each["name"]))), "")


def away(what: str, error: Exception) -> str:
    """That something does not answer, and why, in a line."""
    text = str(error).splitlines()
    return f"{what} does not answer: {text[0][:300] if text else type(error).__name__}"


_lock = threading.Lock()
_known: dict[str, tuple[float, Objects]] = {}


def objects(state: StateFolder) -> Objects:
    """The cluster's objects as administrator; made once for each kubeconfig, as reading it takes its time.

    Raises:
        OSError, kubernetes.config.ConfigException: there is no usable kubeconfig.
    """
    path = state["kubeconfig"]
    written = path.stat().st_mtime
    with _lock:
        found = _known.get(str(path))
        if found is None or found[0] != written:
            found = _known[str(path)] = (written, Objects(client(path), timeout=SECONDS))
    return found[1]


def client(kubeconfig: Path) -> ApiClient:
    """A client that tries once: the page is read anew anyway.

    Raises:
        OSError, kubernetes.config.ConfigException: there is no usable kubeconfig.
    """
    configuration = Configuration()
    configuration.retries = False
    config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    return ApiClient(configuration)


def _gateway(urls: dict[str, str]) -> bool:
    return admin.is_live(urls.get("gateway_admin", ""), timeout=_HEALTH_SECONDS)
