"""Uploaded packages: compiled YAML, alone or in a zip or tar.gz file, as KFP takes them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import yaml

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.kfp_api import errors
from kfp_lifecycle.local.runner_specification import Specification, specification

LARGEST = 8 << 20
_MOST_NODES = 500_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PARTS = {"root": dict, "components": dict, "deploymentSpec": dict}


def unpacked(raw: bytes) -> list[Any]:
    """The documents of an uploaded file, checked.

    Raises:
        ApiError: 400, it is no compiled pipeline; 413, it unpacks to more than 8 MiB.
    """
    try:
        text = _content(raw).decode("utf-8")
        documents = [document for document in yaml.load_all(text, Loader=_LOADER) if document is not None]
        _bound(documents)
        # Dates and such are no JSON, and no compiled pipeline holds them.
        documents = json.loads(json.dumps(documents, allow_nan=False))
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise errors.invalid(f"the package cannot be unpacked: {error}") from error
    except (UnicodeError, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise errors.invalid(f"the package holds no readable YAML: {_first_line(error)}") from error
    return checked(documents)


def checked(documents: list[Any]) -> list[Any]:
    """The documents, if they are a compiled pipeline and perhaps its platform spec.

    Raises:
        ApiError: 400, they are not.
    """
    if not documents or len(documents) > 2 or not all(isinstance(document, dict) for document in documents):
        raise errors.invalid("expected a compiled pipeline: one pipeline spec and at most one platform spec")
    [spec, *platform] = documents
    if "pipelineInfo" not in spec or "schemaVersion" not in spec:
        kind = " (this is a v1 Workflow; compile it with kfp 2)" if spec.get("kind") == "Workflow" else ""
        raise errors.invalid(f"the package holds no compiled pipeline: no pipelineInfo and schemaVersion{kind}")
    info = spec["pipelineInfo"]
    if not isinstance(info, dict) or not isinstance(info.get("name"), str) or not info["name"]:
        raise errors.invalid("the pipeline spec has no pipelineInfo.name")
    for name, kind_of in _PARTS.items():
        if not isinstance(spec.get(name), kind_of):
            raise errors.invalid(f"the pipeline spec has no {name}")
    dag = spec["root"].get("dag")
    tasks = dag.get("tasks") if isinstance(dag, dict) else None
    if not isinstance(tasks, dict) or not tasks:
        raise errors.invalid("the pipeline spec has no tasks in root.dag")
    for name, task in tasks.items():
        component = task.get("componentRef", {}).get("name") if isinstance(task, dict) else None
        if component not in spec["components"]:
            raise errors.invalid(f"task {name} refers to the component {component!r}, which the spec does not have")
    if not isinstance(spec["deploymentSpec"].get("executors", {}), dict):
        raise errors.invalid("deploymentSpec.executors is no object")
    if platform and not isinstance(platform[0].get("platforms"), dict):
        raise errors.invalid("the second document is no platform spec")
    read(documents)
    return documents


def read(documents: list[Any]) -> Specification:
    """The pipeline of checked documents.

    Raises:
        ApiError: 400, its inputs are malformed or artifacts.
    """
    try:
        return specification(documents[0], shown=str(documents[0]["pipelineInfo"]["name"]))
    except InputError as error:
        raise errors.invalid(str(error)) from error
    except (AttributeError, KeyError, TypeError) as error:
        raise errors.invalid(f"the pipeline spec's root.inputDefinitions is malformed: {error!r}") from error


def from_message(spec: Mapping[str, Any]) -> list[Any]:
    """The documents of a ``pipeline_spec`` field: a spec, or an object of pipeline_spec and platform_spec.

    Raises:
        ApiError: 400, it is no compiled pipeline.
    """
    inner = spec.get("pipeline_spec", spec.get("pipelineSpec"))
    if inner is None:
        return checked([dict(spec)])
    platform = spec.get("platform_spec", spec.get("platformSpec"))
    return checked([inner, platform] if platform else [inner])


def to_message(documents: list[Any]) -> dict[str, Any]:
    """The ``pipeline_spec`` field of documents."""
    if len(documents) == 1:
        found: dict[str, Any] = documents[0]
        return found
    return {"pipeline_spec": documents[0], "platform_spec": documents[1]}


def _content(raw: bytes) -> bytes:
    if raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            name = _chosen([entry.filename for entry in archive.infolist() if not entry.is_dir()])
            with archive.open(name) as file:
                return _limited(file.read(LARGEST + 1))
    if raw[:2] == b"\x1f\x8b":
        # The whole of it is unpacked here, within bounds, before tarfile looks for names in it.
        with gzip.open(io.BytesIO(raw)) as stream:
            plain = _limited(stream.read(LARGEST + 1))
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as tar:
            files = {member.name: member for member in tar if member.isfile()}
            inner = tar.extractfile(files[_chosen(list(files))])
            return inner.read() if inner else b""
    return _limited(raw)


def _chosen(names: list[str]) -> str:
    """As kfp.Client chooses: pipeline.yaml, else the only YAML file."""
    found = [name for name in names if name.endswith((".yaml", ".yml"))]
    if "pipeline.yaml" in found:
        return "pipeline.yaml"
    if len(found) != 1:
        raise errors.invalid(f"the package holds {len(found)} YAML files and none is pipeline.yaml; expected one")
    return found[0]


def _limited(raw: bytes) -> bytes:
    if len(raw) > LARGEST:
        raise errors.too_large(LARGEST)
    return raw


def _bound(documents: list[Any]) -> None:
    """Refuse aliases that unfold to millions of values."""
    waiting, seen = list(documents), 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise ValueError(f"more than {_MOST_NODES} values")
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
