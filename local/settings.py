"""What a user may choose about the local cluster."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kfp_lifecycle.core.errors import InputError

MODES = ("Standard", "Knative")
SERVE_PYTHON = "KFP_LIFECYCLE_SERVE_PYTHON"


@dataclass(frozen=True)
class Timings:
    """How fast the stand-in kubelet and deployment controller act; seconds."""

    relist: float = 1.0  # how often processes are looked at; a kubelet's is 1 s
    probe: float = 1.0  # between two readiness probes
    probe_timeout: float = 2.0
    probe_failures: int = 3  # misses in a row before a ready server counts as not ready
    back_off: float = 10.0  # before the second restart; doubles up to back_off_most; the first restart is at once
    back_off_most: float = 300.0
    progress_deadline: float = 600.0  # until a rollout that is not ready counts as failed
    grace: float = 10.0  # between SIGTERM and SIGKILL


@dataclass(frozen=True)
class ClusterSettings:
    """The choices of ``local up``.

    Attributes:
        mode: deployment mode written into the steps' settings; InferenceServices of either mode are served.
        mlflow: whether to run an MLflow server.
        serve_command: the model server's command without its arguments; empty for our own server.
        max_body_bytes: the gateway answers 413 to a larger request.
        domain: of the hosts under which services are reached.
        runtimes: names of ServingRuntimes that exist.
        kfp: whether to run a KFP API.
        kfp_tokens: whether the KFP API wants tokens, and then is multi-user.
        code: the user's own modules, which the steps of all runs can import.
        runs_at_once: how many runs the KFP API executes at a time; others wait.
        role: YAML file with the Role that the steps' token is bound to; empty for the shipped one.
        payload_log: whether what ``deploy`` releases logs what it is asked and answers, to the folder ``payloads``.
    """

    mode: str = "Standard"
    mlflow: bool = True
    serve_command: tuple[str, ...] = ()
    max_body_bytes: int = 1 << 20
    domain: str = "example.com"
    runtimes: tuple[str, ...] = ("kfp-lifecycle-serve",)
    kfp: bool = True
    kfp_tokens: bool = False
    code: tuple[str, ...] = ()
    runs_at_once: int = 2
    role: str = ""
    payload_log: bool = False
    timings: Timings = field(default_factory=Timings)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError("mode", self.mode, f"one of {', '.join(MODES)}", "Give one of these names.")
        if self.runs_at_once < 1:
            raise InputError("runs_at_once", self.runs_at_once, "at least 1", "Give a whole number of runs.")

    def server_command(self) -> tuple[str, ...]:
        """The command that serves a model, to be followed by the predictor's arguments."""
        if self.serve_command:
            return self.serve_command
        return (str(serve_python()), "-m", "kfp_lifecycle.serving")

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ClusterSettings:
        """The settings from what :meth:`to_json` gave."""
        known = dict(value)
        known["timings"] = Timings(**known.get("timings", {}))
        for name in ("serve_command", "runtimes", "code"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


def serve_python() -> Path:
    """The Python that runs model servers: of the variable, else of the environment ``serve`` beside this one.

    Raises:
        InputError: there is no such file.
    """
    given = os.environ.get(SERVE_PYTHON, "")
    repository = Path(__file__).resolve().parent.parent / ".venv"
    folders = (Path(sys.prefix).parent, repository)
    candidates = [Path(given)] if given else [folder / "serve" / "bin" / "python" for folder in folders]
    for python in candidates:
        if python.exists():
            return python
    expected = "the Python of an environment with the extra `serve`"
    raise InputError(SERVE_PYTHON, str(candidates[0]), expected, "Run `make env`, or set the variable.")
