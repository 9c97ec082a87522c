"""``kfp-lifecycle local``: the local cluster, up and down."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import lifecycle, log_files, overview, supervisor
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder

_MODES = {"standard": "Standard", "knative": "Knative"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its four verbs."""
    parser = subparsers.add_parser("local", help="start, stop and look at the local cluster")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="start it, or say that it runs")
    up.add_argument("--mode", choices=sorted(_MODES), default="standard", help="KServe's deployment mode of the steps")
    up.add_argument("--foreground", action="store_true", help="stay until interrupted")
    up.add_argument("--no-mlflow", action="store_true", help="without an MLflow server")
    up.add_argument("--no-kfp", action="store_true", help="without a KFP API")
    up.add_argument("--kfp-tokens", action="store_true", help="let the KFP API want tokens, as a multi-user KFP does")
    up.add_argument(
        "--code", action="append", default=[], metavar="PATH", help="your modules, for the steps of all runs"
    )
    up.add_argument("--runs-at-once", type=int, default=2, metavar="N", help="runs that the KFP API executes at a time")
    up.add_argument("--serve-command", default="", metavar="COMMAND", help="another model server, for tests")
    up.add_argument("--role", default="", metavar="FILE", help="another Role for the steps' token")
    up.add_argument("--no-payload-log", action="store_true", help="model servers log no requests and answers")
    down = verbs.add_parser("down", help="stop it; its state stays")
    status = verbs.add_parser("status", help="addresses, processes, services, revisions and weights")
    status.add_argument("--json", action="store_true", help="as JSON")
    logs = verbs.add_parser("logs", help="the log of a part or a model server")
    logs.add_argument(
        "name", nargs="?", default="", help="supervisor, gateway, mlflow, kfp, or (the start of) a pod's name"
    )
    logs.add_argument("-f", "--follow", action="store_true", help="go on as the log grows")
    for verb in (up, down, status, logs):
        verb.add_argument("--state", type=Path, default=None, metavar="DIR", help="default: ~/.kfp-lifecycle")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the verb; the exit status."""
    state = StateFolder.at(args.state)
    try:
        if args.verb == "up":
            return _up(args, state)
        if args.verb == "down":
            print("stopped" if lifecycle.down(state) else "nothing ran")
            return 0
        if args.verb == "status":
            return overview.show(state, as_json=args.json)
        return log_files.show(state, args.name, follow=args.follow)
    except (InputError, lifecycle.ClusterError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _up(args: argparse.Namespace, state: StateFolder) -> int:
    settings = ClusterSettings(
        mode=_MODES[args.mode],
        mlflow=not args.no_mlflow,
        kfp=not args.no_kfp,
        kfp_tokens=args.kfp_tokens,
        code=tuple(str(Path(path).expanduser().resolve()) for path in args.code),
        runs_at_once=args.runs_at_once,
        serve_command=tuple(shlex.split(args.serve_command)),
        role=args.role,
        payload_log=not args.no_payload_log,
    )
    if args.foreground:
        return supervisor.run(state, settings)
    known = lifecycle.up(state, settings)
    print(f"export KUBECONFIG={state['kubeconfig']}")
    if settings.kfp:
        print(f"export KF_PIPELINES_ENDPOINT={known['urls']['kfp']}")
    return 0
