"""What the controller remembers of an InferenceService besides the object itself.

Knative keeps revisions, and generations of Deployments and Knative Services, in objects that this cluster does not
have; they lie in one small file a service instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kfp_lifecycle.local.kserve_controller.knative import Revision
from kfp_lifecycle.local.kserve_controller.templates import Template
from kfp_lifecycle.local.state import read_json, write_json


@dataclass(frozen=True)
class Memory:
    """The remembered part of one InferenceService.

    Attributes:
        uid: of the InferenceService; a namesake made after a deletion begins anew.
        child: name and digest of the Deployment or Knative Service.
        generation: how often that child has changed.
    """

    uid: str = ""
    revisions: tuple[Revision, ...] = ()
    child: tuple[str, str] = ("", "")
    generation: int = 0

    def with_child(self, child: tuple[str, str]) -> Memory:
        """The memory after the child took this form; another child begins at generation 1."""
        if child == self.child:
            return self
        generation = self.generation + 1 if child[0] == self.child[0] else 1
        return replace(self, child=child, generation=generation)


def load(folder: Path, namespace: str, name: str, uid: str) -> Memory:
    """What is remembered of the service with this uid."""
    value = read_json(_file(folder, namespace, name))
    if not value or value["uid"] != uid:
        return Memory(uid)
    revisions = tuple(
        Revision(**{**one, "template": Template.from_json(one["template"])}) for one in value["revisions"]
    )
    return Memory(uid, revisions, (value["child"][0], value["child"][1]), value["generation"])


def save(folder: Path, namespace: str, name: str, memory: Memory) -> None:
    """Remember."""
    revisions: list[dict[str, Any]] = [{**vars(one), "template": one.template.to_json()} for one in memory.revisions]
    value = {"uid": memory.uid, "revisions": revisions, "child": memory.child, "generation": memory.generation}
    write_json(_file(folder, namespace, name), value)


def forget(folder: Path, namespace: str, name: str) -> None:
    """Remember nothing more of a deleted service."""
    _file(folder, namespace, name).unlink(missing_ok=True)


def _file(folder: Path, namespace: str, name: str) -> Path:
    return folder / f"{namespace}_{name}.json"
