"""The arguments of ``run --remote``; apart from what they start, so that a run on this machine loads no client."""

from __future__ import annotations

import argparse

from kfp_lifecycle.cli.connection_arguments import add_connection_arguments
from kfp_lifecycle.core.errors import InputError

DESCRIPTION = """With --remote it starts a run on a KFP API instead, of a file or of the newest version of an uploaded
pipeline, and does not wait for it unless told to. --once-key and --if-changed keep what was started in a ConfigMap of
the namespace, so they need a kubeconfig."""


def add_remote_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--remote`` and what needs it."""
    parser.add_argument("--remote", action="store_true", help="run on a KFP API, and not on this machine")
    add_connection_arguments(parser)
    parser.add_argument("--once-key", default="", metavar="KEY", help="start at most one run for this text")
    parser.add_argument(
        "--if-changed", default="", metavar="URI", help="start only if this data is not that of the key's last run"
    )
    parser.add_argument("--experiment", default="", help="of the run (default: Default)")
    parser.add_argument("--service-account", default="", metavar="NAME", help="of the run's pods (default: KFP's)")
    parser.add_argument("--wait", action="store_true", help="until the run has ended; exit code 1 if it failed")
    parser.add_argument(
        "--timeout", type=float, default=86400.0, metavar="SECONDS", help="how long to wait (default: a day)"
    )


def check_local(args: argparse.Namespace) -> None:
    """Refuse what has no meaning on this machine.

    Raises:
        InputError: an argument needs ``--remote``.
    """
    for name in ("host", "namespace", "once_key", "if_changed", "experiment", "service_account", "wait"):
        if getattr(args, name):
            raise InputError(_option(name), getattr(args, name), "--remote beside it", "Add --remote, or remove it.")


def check_remote(args: argparse.Namespace) -> None:
    """Refuse what only a run on this machine has.

    Raises:
        InputError: an argument cannot stand beside ``--remote``.
    """
    for name in ("state", "code", "pipeline_root", "cache"):
        if getattr(args, name):
            raise InputError(_option(name), getattr(args, name), "a run on this machine", "Remove it, or --remote.")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
