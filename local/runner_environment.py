"""The environment of steps on one machine: what ConfigMap and Secret are on a cluster."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kfp_lifecycle.core import settings
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import lifecycle
from kfp_lifecycle.local.state import StateFolder, read_json

CLUSTER = "cluster.json"
ENVIRONMENT = "environment.json"
KUBECONFIG = "kubeconfig-steps"


def settings_origin(state: Path) -> str:
    """Where the steps' settings come from, in words."""
    if _stopped(state):
        return f"this shell, as the local cluster in {state} does not run"
    if (state / ENVIRONMENT).exists():
        return f"the local cluster in {state}"
    return f"this shell, as {state} holds no local cluster"


def step_environment(state: Path, code: Sequence[str | Path], folder: Path) -> dict[str, str]:
    """The variables for a run: this process's own, then the local cluster's, then what ``code`` needs.

    Args:
        state: the local cluster's state folder; without one that runs, this process's environment is used
            as it is.
        code: files, packages or folders of the user's own modules.
        folder: a folder of the run, for a ``python3`` that is this interpreter.

    Raises:
        InputError: a path of ``code`` does not exist or holds no module.
    """
    environment = dict(os.environ)
    if not _stopped(state):
        environment.update(read_json(state / ENVIRONMENT) or {})
        if (state / KUBECONFIG).exists():
            environment["KUBECONFIG"] = str(state / KUBECONFIG)
    found = modules(code)
    if found:
        roots = [name for module in found for name in module.names]
        allowed = environment.get(settings.IMPORT_ROOTS) or settings.DEFAULTS[settings.IMPORT_ROOTS]
        environment[settings.IMPORT_ROOTS] = ",".join([allowed, *roots])
        given = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join(
            [*(str(module.folder) for module in found), *([given] if given else [])]
        )
    environment["PATH"] = os.pathsep.join([str(_interpreter(folder)), environment.get("PATH", os.defpath)])
    # A run may start in our repository, whose kserve/ would hide the kserve package.
    environment["PYTHONSAFEPATH"] = "1"
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def _stopped(state: Path) -> bool:
    """Whether the folder is of a cluster that does not run, whose addresses lead nowhere.

    A folder without ``cluster.json`` was filled by hand for a cluster of somebody else's.
    """
    return (state / CLUSTER).exists() and lifecycle.record(StateFolder(state)) is None


def _interpreter(folder: Path) -> Path:
    """A folder whose ``python3`` is this interpreter; a link would lose its virtual environment."""
    program = folder / "python3"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


@dataclass(frozen=True)
class Modules:
    """What can be imported from one path: the folder for PYTHONPATH, and the files and packages in it."""

    folder: Path
    paths: tuple[Path, ...]

    @property
    def names(self) -> list[str]:
        """The names to import."""
        return [path.stem for path in self.paths]


def modules(code: Sequence[str | Path]) -> list[Modules]:
    """The user's own modules at these paths.

    Raises:
        InputError: a path does not exist or holds no module.
    """
    found = []
    for given in code:
        path = Path(given).expanduser().resolve()
        if (path.suffix == ".py" and path.is_file()) or (path / "__init__.py").is_file():
            found.append(Modules(path.parent, (path,)))
            continue
        # An editor's lock is a link to nowhere with the file's name.
        inside = {*filter(Path.is_file, path.glob("*.py")), *(file.parent for file in path.glob("*/__init__.py"))}
        if not inside:
            raise InputError(
                "--code", str(given), "a Python file, a package or a folder that holds some", "Check the path."
            )
        found.append(Modules(path, tuple(sorted(inside))))
    return found
