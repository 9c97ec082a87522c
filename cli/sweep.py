"""``sweep``: end abandoned releases, as a CronJob does where runs must not be scheduled."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.components.sweeping.sweeping import Unswept, sweep
from kfp_lifecycle.core.errors import InputError

_DESCRIPTION = """The settings come from the environment, as in a step. Exit code 0: all is as it should be; 1: some
service could not be swept, the others were; 2: a parameter or setting is wrong and nothing was written."""


@dataclass
class _File:
    """What the step takes for an artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("sweep", help="end abandoned releases in a namespace", description=_DESCRIPTION)
    parser.add_argument("--namespace", default="", help="of the InferenceServices (default: the pod's own)")
    parser.add_argument("--environment", default="", help="sweep this environment only (default: all)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        decision, report = (_File(str(Path(folder) / name)) for name in ("decision.json", "report.html"))
        try:
            sweep(decision=decision, report=report, namespace=args.namespace, environment=args.environment)
        except InputError as error:
            print(f"sweep: {error}", file=sys.stderr)
            return 2
        except (Unswept, KubernetesError) as error:
            print(f"sweep: {error}", file=sys.stderr)
            return 1
    return 0
