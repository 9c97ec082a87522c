"""The command ``kfp-lifecycle``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = (
    "compile",
    "upload",
    "schedules",
    "run",
    "sweep",
    "approve",
    "doctor",
    "trigger-server",
    "generate",
    "local",
)


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="kfp-lifecycle", description="Kubeflow Pipelines for the life of a model.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    # An image holds what its own command needs, and not what the others do.
    for command in COMMANDS if not given or given[0] not in COMMANDS else given[:1]:
        import_module(f"kfp_lifecycle.cli.{command.replace('-', '_')}").add_parser(subparsers)
    args = parser.parse_args(given)
    code: int = args.run(args)
    return code


if __name__ == "__main__":
    sys.exit(main())
