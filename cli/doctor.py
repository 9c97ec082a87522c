"""``doctor``: is everything there that a run needs?"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from kfp_lifecycle.adapters import kubernetes_connection
from kfp_lifecycle.cli.doctor_checks import kfp_api, kserve, kubernetes, models_root, registry, steps_settings, traffic
from kfp_lifecycle.cli.doctor_checks.context import Context
from kfp_lifecycle.cli.doctor_checks.examination import Check, examine
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.diagnosis import Finding, Level, as_json, count, warning, without_secrets
from kfp_lifecycle.local.state import DEFAULT_FOLDER, StateFolder

_DESCRIPTION = """One line for each thing that a run needs: ok, warning, or failure with its fix. The settings are those
of the local cluster in the state folder, or without one this shell's own environment. Exit code 0: no failure; 1: a
failure; 130: interrupted."""
_MODULES = (kubernetes, steps_settings, kfp_api, kserve, registry, models_root, traffic)
_TOKEN_FILES = (settings.KFP_TOKEN_FILE, settings.GATEWAY_TOKEN_FILE, settings.PROMETHEUS_TOKEN_FILE)
# Seconds that a probe gets to be removed before its name is told instead.
_CLEANING = 12.0


@dataclass(frozen=True)
class _Origin:
    """Where the settings are from, in words; ``local`` when a local cluster runs there."""

    text: str
    local: bool


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("doctor", help="check a cluster before the first run", description=_DESCRIPTION)
    parser.add_argument("--state", metavar="DIR", help="the local cluster's state folder (default ~/.kfp-lifecycle)")
    parser.add_argument("--namespace", default="", help="of the runs and services (default: the kubeconfig's)")
    parser.add_argument(
        "--service-account", default="", metavar="NAME", help="ask for the rights of the runs' account, not of yours"
    )
    parser.add_argument("--kubeconfig", default="", metavar="FILE", help="of an administrator, to read more than a run")
    parser.add_argument(
        "--kserve-namespace", default="", metavar="NAME", help="where KServe is installed (default: kserve or kubeflow)"
    )
    parser.add_argument("--read-only", action="store_true", help="write no probe to MLflow and the models root")
    parser.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="SECONDS", help="of one check at most (default %(default).0f)"
    )
    parser.add_argument("--json", action="store_true", help="the findings as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    state = Path(args.state or DEFAULT_FOLDER).expanduser().resolve()
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _environment(state) as origin:
            return _examined(_context(args, state, origin), args.timeout, origin.text, as_text=not args.json)
    finally:
        signal.signal(signal.SIGTERM, before)


def _context(args: argparse.Namespace, state: Path, origin: _Origin) -> Context:
    local = origin.local
    namespace = args.namespace or kubernetes_connection.own_namespace()
    administrator = state / "kubeconfig"
    return Context(
        namespace=namespace,
        kubeconfig=args.kubeconfig or (str(administrator) if local and administrator.exists() else ""),
        service_account=f"{namespace}:{args.service_account}" if args.service_account else "",
        kserve_namespaces=(args.kserve_namespace,) if args.kserve_namespace else Context.kserve_namespaces,
        local=local,
        read_only=args.read_only,
    )


def plan(context: Context, seconds: float) -> list[Check]:
    """All checks, each with at most that much time."""
    found = [check for module in _MODULES for check in module.checks(context)]
    return [replace(check, seconds=min(check.seconds, seconds)) for check in found]


def _examined(context: Context, seconds: float, origin: str, *, as_text: bool) -> int:
    secrets = _secret_values()
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(without_secrets(finding, secrets))
        if as_text:
            print(findings[-1].line(), flush=True)

    if as_text:
        print(f"settings of {origin}", flush=True)
    interrupted = False
    try:
        for finding in examine(plan(context, seconds)):
            tell(finding)
    except KeyboardInterrupt:
        interrupted = True
    for left in context.probes.close(min(_CLEANING, seconds)):
        tell(warning("probe", f"{left} may be left", "Remove it."))
    if interrupted:
        print("doctor: interrupted; what it had made is removed, unless said otherwise", file=sys.stderr)
        return 130
    counts = count(findings)
    if as_text:
        print(f"{counts[Level.OK]} ok, {counts[Level.WARNING]} warnings, {counts[Level.FAILURE]} failures")
    else:
        print(json.dumps(as_json(findings), indent=2))
    return 1 if counts[Level.FAILURE] else 0


@contextmanager
def _environment(state: Path) -> Iterator[_Origin]:
    """The environment of a step in this process, and where it is from."""
    if not any((state / name).exists() for name in ("cluster.json", "environment.json")):
        yield _Origin(f"this shell, as {state} holds no local cluster", local=False)
        return
    # An image, where the doctor may run too, has nothing of a local cluster.
    from kfp_lifecycle.local import lifecycle
    from kfp_lifecycle.local.runner_environment import settings_origin, step_environment

    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(step_environment(state, (), Path(folder)))
        try:
            yield _Origin(settings_origin(state), local=lifecycle.record(StateFolder(state)) is not None)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _secret_values() -> list[str]:
    """What must not be printed, should an error's text repeat it."""
    values = [settings.setting(name) for name in settings.FROM_SECRET]
    for name in _TOKEN_FILES:
        file = Path(settings.setting(name))
        if settings.setting(name) and file.is_file() and os.access(file, os.R_OK):
            values.append(file.read_text(encoding="utf-8", errors="replace").strip())
    return values


def _seconds(text: str) -> float:
    """A number of seconds above 0, for the parser; NaN is none."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("a number above 0 is needed")
    return value


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
