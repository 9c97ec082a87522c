"""Steps in processes of their own, which may be killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from kfp_lifecycle.local.write_proxy import Writes

_NURSERY = """
import importlib, json, os, sys, traceback
from dataclasses import make_dataclass
steps = ("registration.registration", "deployment.deployment", "promotion.promotion", "rollback.rollback",
         "sweeping.sweeping")
for module in ("kubernetes", "mlflow", "s3fs", "httpx", *(f"kfp_lifecycle.components.{step}" for step in steps)):
    importlib.import_module(module)  # once, instead of in each process that is killed
from mlflow import MlflowClient
MlflowClient("http://127.0.0.1:9", "http://127.0.0.1:9")._get_registry_client()
Artifact = make_dataclass("Artifact", ["path", "uri", "metadata"])
for line in sys.stdin:
    order = json.loads(line)
    gate, opened = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(opened)
        os.read(gate, 1)
        os.environ.update(order["environment"])
        out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1); os.dup2(out, 2)
        code = 1
        try:
            values = {k: Artifact(**v) if isinstance(v, dict) else v for k, v in order["arguments"].items()}
            answer = getattr(importlib.import_module(order["module"]), order["function"])(**values)
            open(order["answer"], "w").write(json.dumps(answer))
            code = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(); sys.stderr.flush()
        os._exit(code)
    os.close(gate)
    print(pid, flush=True)
    sys.stdin.readline()
    os.close(opened)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Nursery:
    """Runs a step in a process of its own that may be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        command = [sys.executable, "-c", _NURSERY]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, step: str, writes: Writes, environment: dict[str, str], **arguments: Any) -> tuple[int, Any, str]:
        """Call ``module:function``; exit code (-9 when killed), answer and output."""
        self._count += 1
        module, function = step.split(":")
        log, answer = (self._folder / f"{self._count}.{kind}" for kind in ("log", "json"))
        self._say({"module": module, "function": function, "environment": environment, "log": str(log),
                   "answer": str(answer), "arguments": arguments})  # fmt: skip
        writes.victim = int(self._hear())
        self._say("go")
        code = int(self._hear())
        return code, json.loads(answer.read_text()) if code == 0 else None, log.read_text() if log.exists() else ""

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _say(self, value: Any) -> None:
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        return self._process.stdout.readline()
