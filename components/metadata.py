"""What cannot be derived from a component's face: ``metadata.yaml`` beside it, described by metadata.schema.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from kfp_lifecycle.components import face_modules

SCHEMA = Path(__file__).with_name("metadata.schema.json")


@dataclass(frozen=True)
class Right:
    """One Kubernetes permission of a step, in the namespace of the service."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Metadata:
    """The content of one metadata.yaml; the schema describes each field."""

    cacheable: bool
    side_effects: tuple[str, ...]
    kubernetes: tuple[Right, ...]
    settings: tuple[str, ...]
    secrets: tuple[str, ...]
    network: tuple[str, ...]
    cpu: str
    memory: str
    retries: int
    licence_notes: tuple[str, ...]
    longest_wait_seconds: int = 0


def folders() -> dict[str, Path]:
    """Map each component's verb to its folder."""
    here = Path(__file__).parent
    return {verb: here / module.split(".")[-2] for verb, module in face_modules().items()}


def load(folder: Path) -> Metadata:
    """Read a component's metadata.yaml; a test holds every file against the schema."""
    content = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
    return Metadata(
        cacheable=content["cacheable"],
        side_effects=tuple(content["side_effects"]),
        kubernetes=tuple(
            Right(rule["group"], rule["resource"], tuple(rule["verbs"]), rule["why"]) for rule in content["kubernetes"]
        ),
        settings=tuple(content["settings"]),
        secrets=tuple(content["secrets"]),
        network=tuple(content["network"]),
        cpu=content["resources"]["cpu"],
        memory=content["resources"]["memory"],
        retries=content["retries"],
        licence_notes=tuple(content["licence_notes"]),
        longest_wait_seconds=content.get("longest_wait_seconds", 0),
    )
