"""What the tests of uploads and schedules share: compiled pipelines, and a look at what a KFP API keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kfp_server_api
import yaml

INPUTS = {
    "name": {"parameterType": "STRING"},
    "times": {"parameterType": "NUMBER_INTEGER", "isOptional": True, "defaultValue": 1.0},
}


def write_pipeline(path: Path, name: str = "greet", note: str = "") -> Path:
    """A compiled pipeline of one task; ``note`` makes its content another."""
    executor = {"container": {"image": "python:3", "command": ["sh", "-c", f"echo {note}"]}}
    document: dict[str, Any] = {
        "components": {"comp-greet": {"executorLabel": "exec-greet"}},
        "deploymentSpec": {"executors": {"exec-greet": executor}},
        "pipelineInfo": {"name": name},
        "root": {
            "dag": {"tasks": {"greet": {"componentRef": {"name": "comp-greet"}, "taskInfo": {"name": "greet"}}}},
            "inputDefinitions": {"parameters": INPUTS},
        },
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.17.0",
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def client(url: str, token: str = "") -> kfp_server_api.ApiClient:
    """The generated client."""
    configuration = kfp_server_api.Configuration(host=url)
    if token:
        configuration.api_key["authorization"] = token
        configuration.api_key_prefix["authorization"] = "Bearer"
    return kfp_server_api.ApiClient(configuration)


def versions(url: str, pipeline: str, **options: str) -> list[Any]:
    """The versions of a pipeline, newest first."""
    service = kfp_server_api.PipelineServiceApi(client(url))
    [found] = [it for it in service.pipeline_service_list_pipelines().pipelines if it.name == pipeline]
    listed = service.pipeline_service_list_pipeline_versions(found.pipeline_id, sort_by="created_at desc", page_size=99)
    return list(listed.pipeline_versions or ())


def recurring_runs(url: str, token: str = "", namespace: str = "") -> list[Any]:
    """Every recurring run."""
    service = kfp_server_api.RecurringRunServiceApi(client(url, token))
    listed = service.recurring_run_service_list_recurring_runs(page_size=99, namespace=namespace)
    return list(listed.recurring_runs or ())


def enabled(url: str) -> dict[str, int]:
    """How many of each name fire."""
    found: dict[str, int] = {}
    for it in recurring_runs(url):
        found[it.display_name] = found.get(it.display_name, 0) + (it.mode == "ENABLE")
    return found
