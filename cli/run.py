"""``run``: a compiled pipeline on this machine, or on a KFP API."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

from kfp_lifecycle.cli import remote_arguments
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.runner_parameters import load_params_file, parse_assignments
from kfp_lifecycle.local.runner_specification import load_specification

if TYPE_CHECKING:
    from kfp_lifecycle.local.runner import RunResult

_DESCRIPTION = """Steps get the settings of the local cluster in the state folder, or without one this shell's own
environment. Exit code 0: the run succeeded; 1: it failed; 2: a parameter or file is wrong and nothing ran; 130:
interrupted."""

# The module in front of an error's name, as tracebacks write it.
_MODULE = re.compile(r"^(?:\w+\.)+(?=\w+:)")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "run", help="run a compiled pipeline", description=f"{_DESCRIPTION} {remote_arguments.DESCRIPTION}"
    )
    parser.add_argument(
        "pipeline", metavar="PIPELINE.yaml", help="a file that compile.py wrote; with --remote also an uploaded name"
    )
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="one parameter; lists and objects as JSON"
    )
    parser.add_argument("--params-file", metavar="FILE", help="parameters as YAML or JSON; --param goes before it")
    parser.add_argument("--state", metavar="DIR", help="the local cluster's state folder (default ~/.kfp-lifecycle)")
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="PATH",
        help="a file, package or folder of your own modules; may be repeated",
    )
    parser.add_argument(
        "--pipeline-root", metavar="DIR", help="where runs are kept (default: runs in the state folder)"
    )
    parser.add_argument(
        "--cache",
        action="store_true",
        help="take a task's outputs from an earlier run with equal inputs and code, where the pipeline allows it",
    )
    remote_arguments.add_remote_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.remote:
        from kfp_lifecycle.cli import remote_run

        return remote_run.run(args)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        result = _run(args)
    except InputError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("run: interrupted; its steps are stopped", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    failed = [task for task in result.tasks if task.error]
    for task in failed:
        # The traceback was printed as the task ended.
        reason = _MODULE.sub("", task.error.splitlines()[-1])
        print(f"{task.name}: {reason}\n  full log: {task.log}", file=sys.stderr)
    if not result.succeeded and not failed:
        print(result.error, file=sys.stderr)
    return 0 if result.succeeded else 1


def _run(args: argparse.Namespace) -> RunResult:
    # An image that starts runs elsewhere holds nothing that runs them.
    from kfp_lifecycle.local.runner import run_pipeline

    remote_arguments.check_local(args)
    inputs = load_specification(args.pipeline).inputs
    parameters = load_params_file(args.params_file) if args.params_file else {}
    parameters.update(parse_assignments(args.param, inputs))
    return run_pipeline(
        args.pipeline,
        parameters,
        state=args.state,
        code=args.code,
        pipeline_root=args.pipeline_root,
        cache=args.cache,
    )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
