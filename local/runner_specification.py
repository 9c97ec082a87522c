"""A compiled pipeline, and the copy of it that ``kfp.local`` gets.

The copy differs in what ``kfp.local`` cannot do (time placeholders), does badly (ids that may repeat) or should not
do here (retries with long waits), and every step's command is preceded by our own watcher. The compiled file itself
is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from kfp_lifecycle.core.errors import InputError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REMEDY = "Run compile.py, then give a file of build/pipelines/ or build/components/."
_WATCHER = Path(__file__).with_name("runner_watcher.py")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
# kfp.local's cache looks at a step's environment, but not at the code that it imports.
_CODE = "KFP_LIFECYCLE_LOCAL_CODE"


@dataclass(frozen=True)
class Input:
    """One parameter of a pipeline; ``kind`` is the parameterType of the compiled file."""

    kind: str
    required: bool
    default: Any


@dataclass(frozen=True)
class Specification:
    """A compiled pipeline or component."""

    name: str
    inputs: dict[str, Input]
    document: dict[str, Any]


def load_specification(path: str | Path) -> Specification:
    """Read a file that ``compile.py`` or KFP's compiler wrote.

    Raises:
        InputError: there is no such file, it is no compiled pipeline, or it needs artifacts as inputs.
    """
    try:
        documents = list(yaml.load_all(Path(path).read_text(encoding="utf-8"), Loader=_LOADER))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            "PIPELINE.yaml", str(path), f"a readable YAML file ({type(error).__name__})", _REMEDY
        ) from error
    return specification(documents[0] if documents else None, shown=str(path))


def specification(document: Any, *, shown: str) -> Specification:
    """The pipeline of a document that was read already.

    Args:
        shown: what errors name, for example the file.

    Raises:
        InputError: it is no compiled pipeline, or it needs artifacts as inputs.
    """
    if not isinstance(document, dict) or "pipelineInfo" not in document:
        raise InputError("PIPELINE.yaml", shown, "a compiled pipeline", _REMEDY)
    definitions = document["root"].get("inputDefinitions", {})
    artifacts = sorted(
        name for name, definition in definitions.get("artifacts", {}).items() if not definition.get("isOptional")
    )
    if artifacts:
        raise InputError(
            "PIPELINE.yaml",
            shown,
            "a pipeline whose inputs are all parameters",
            f"KFP cannot be given the artifacts {artifacts} from outside: run a pipeline that makes them.",
        )
    inputs = {
        name: Input(
            kind=definition["parameterType"],
            required="defaultValue" not in definition and not definition.get("isOptional", False),
            default=definition.get("defaultValue"),
        )
        for name, definition in definitions.get("parameters", {}).items()
    }
    return Specification(document["pipelineInfo"]["name"], inputs, document)


def local_copy(
    specification: Specification, *, run_id: str, started: datetime, scheduled: datetime, code_digest: str = ""
) -> dict[str, Any]:
    """The document for ``kfp.local``; see the module's text for what differs.

    Args:
        scheduled: the slot of a recurring run, else the start.
        code_digest: of the code that steps import; what was cached with another one is not used.
    """
    # kfp.local answers the first three with "IndexError: list index out of range" and the last with one of 10^8
    # random numbers, which is too few to find a release record by.
    placeholders = {
        "{{$.pipeline_job_resource_name}}": f"{specification.name}-{run_id}",
        "{{$.pipeline_job_create_time_utc}}": started.strftime(_TIME),
        "{{$.pipeline_job_schedule_time_utc}}": scheduled.strftime(_TIME),
        "{{$.pipeline_job_uuid}}": run_id,
    }
    document: dict[str, Any] = _replaced(json.loads(json.dumps(specification.document)), placeholders)
    namesake = document.get("components", {}).get(f"comp-{specification.name}")
    if namesake and namesake.get("inputDefinitions") != document["root"].get("inputDefinitions"):
        # kfp's loader takes a pipeline with a component's name for that component.
        document["pipelineInfo"]["name"] = f"{specification.name}-pipeline"
    for part in (document["root"], *document.get("components", {}).values()):
        for task in part.get("dag", {}).get("tasks", {}).values():
            # Retries are for pods lost with their node; here they would only delay the news of a failure.
            task.pop("retryPolicy", None)
    for executor in document["deploymentSpec"]["executors"].values():
        container = executor.get("container")
        # kfp.local refuses a container that is no Python component, with an error that says so: leave it as it is.
        if container and "kfp.dsl.executor_main" in " ".join(container.get("command", [])):
            container["command"] = ["python3", "-I", "-S", str(_WATCHER), *container["command"]]
            if code_digest:
                container["env"] = [*container.get("env", []), {"name": _CODE, "value": code_digest}]
    return document


def _replaced(value: Any, placeholders: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for placeholder, text in placeholders.items():
            value = value.replace(placeholder, text)
        return value
    if isinstance(value, list):
        return [_replaced(item, placeholders) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, placeholders) for key, item in value.items()}
    return value
