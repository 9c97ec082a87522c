"""``run --remote``: a run on a KFP API, at most once for a key, or when data has changed."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from kfp_lifecycle.adapters import (
    kfp_experiments,
    kfp_requests,
    kfp_runs,
    kubernetes_connection,
    object_fingerprints,
    object_store,
    single_runs,
)
from kfp_lifecycle.adapters.kfp_connection import KfpConnection, connect
from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.adapters.kfp_runs import Run, RunRequest
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.adapters.single_runs import How, Starter, StartPending
from kfp_lifecycle.cli.remote_arguments import check_remote
from kfp_lifecycle.core import pipeline_inputs
from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.reservation import LEASE, Reservation, ReservationError, check_key
from kfp_lifecycle.local.runner_parameters import check_arguments, load_params_file, parse_assignments
from kfp_lifecycle.local.runner_specification import Specification, load_specification, specification

_FILES = (".yaml", ".yml", ".json")
_SHOWN = 12  # digits of a fingerprint
_KEY_SHOWN = 400  # characters of a key that a reader knows it by


def run(args: argparse.Namespace) -> int:
    """Carry it out; the exit code."""
    try:
        check_remote(args)
        if args.once_key:
            check_key(args.once_key)
        started = _start(args)
        if not args.wait:
            return 0
        return _wait(args, *started)
    except InputError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    except (KfpError, KubernetesError, StartPending, ReservationError, ConnectionError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("run: interrupted; what was started goes on", file=sys.stderr)
        return 130


def _start(args: argparse.Namespace) -> tuple[KfpConnection, Starter | None, str, str]:
    """The connection, the starter and key where there are any, and the run's id."""
    # What is wrong with a file or the data is found before anything is asked of KFP.
    package = _package(args.pipeline)
    content = object_fingerprints.fingerprint(args.if_changed, "--if-changed") if args.if_changed else ""
    kfp = connect(args.host, args.namespace)
    version: tuple[str, Any] | None = None
    if package is None:
        version = kfp_requests.newest(kfp, args.pipeline)
        document = dict(pipeline_inputs.pipeline_of(version[1].spec))
        known = specification(document, shown=args.pipeline)
    else:
        known = package[0]
    arguments = _arguments(args, known)

    def request() -> RunRequest:
        experiment = kfp_experiments.ensure(kfp, args.experiment or kfp_experiments.DEFAULT)
        if version:
            return RunRequest(experiment, version[0], version[1].id, None, arguments, args.service_account)
        return RunRequest(experiment, "", "", package[1] if package else None, arguments, args.service_account)

    if not args.once_key and not args.if_changed:
        return kfp, None, "", _plainly(kfp, known.name, request)
    key = args.once_key or _default_key(known.name, object_store.public(args.if_changed), arguments)
    namespace = kfp.namespace or args.namespace or kubernetes_connection.own_namespace()
    # Whoever holds the reservation either starts its run or is dead when the lease ends.
    patience = (LEASE + timedelta(seconds=30)).total_seconds()
    starter = Starter(kubernetes_connection.connect(), kfp, namespace, LEASE, patience)
    before = single_runs.known(starter, key)
    found = single_runs.start(starter, key, known.name, request, content=content)
    print(_told(args, key, before, content, found.how, found.run_id), flush=True)
    return kfp, starter, key, found.run_id


def _default_key(pipeline: str, data: str, arguments: dict[str, Any]) -> str:
    """What may happen once for the data's content; runs with other parameters do not stand for each other."""
    digest = sha256_bytes(canonical_json([pipeline, data, arguments]))
    return check_key(f"{pipeline}/{data}"[:_KEY_SHOWN] + f"#{digest[:32]}")


def _plainly(kfp: KfpConnection, prefix: str, request: Callable[[], RunRequest]) -> str:
    name = f"{prefix}-{uuid.uuid4().hex[:12]}"
    wanted = request()
    try:
        made = kfp_runs.create(kfp, wanted, name)
    except KfpError as error:
        # After a lost answer the run may be there all the same.
        found = None if kfp_runs.surely_not_started(error) else kfp_runs.find(kfp, name)
        if found is None:
            raise
        made = found
    print(f"started run {made.id} ({name})", flush=True)
    return made.id


def _wait(args: argparse.Namespace, kfp: KfpConnection, starter: Starter | None, key: str, run_id: str) -> int:
    def tell(seen: Run) -> None:
        print(f"run {seen.id}: {seen.state}", flush=True)

    done = kfp_runs.wait(kfp, run_id, args.timeout, tell)
    if not done.ended:
        print(f"run: {run_id} is {done.state} after {args.timeout:.0f} s, and goes on", file=sys.stderr)
        return 1
    if starter:
        single_runs.finish(starter, key, run_id, done.state)
    if done.state != kfp_runs.SUCCEEDED:
        print(f"run: {run_id} {done.state}{': ' + done.error if done.error else ''}", file=sys.stderr)
        return 1
    return 0


def _told(args: argparse.Namespace, key: str, before: Reservation | None, content: str, how: How, run_id: str) -> str:
    """What was decided, and why."""
    last = f"run {before.run_id} ({before.outcome or before.state})" if before and before.run_id else "no run"
    done = {
        How.STARTED: f"started run {run_id}",
        How.ADOPTED: f"run {run_id} was started by a caller that died before it could say so",
        How.BEFORE: f"started nothing: run {run_id} is the one for {key!r}",
    }[how]
    if not args.if_changed:
        return done
    shown = object_store.public(args.if_changed)
    if before is None or not before.content:
        return f"{shown} is now {content[:_SHOWN]}, and {last} is known for {key!r}: {done}"
    if before.content == content:
        return f"{shown} is unchanged ({content[:_SHOWN]}) since {last}: {done}"
    return f"{shown} changed from {before.content[:_SHOWN]} to {content[:_SHOWN]} since {last}: {done}"


def _package(pipeline: str) -> tuple[Specification, dict[str, Any]] | None:
    """A compiled file with all of its documents; None for the name of an uploaded pipeline."""
    if not pipeline.endswith(_FILES) and not Path(pipeline).is_file():
        return None
    known = load_specification(pipeline)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = list(yaml.load_all(Path(pipeline).read_text(encoding="utf-8"), Loader=loader))
    return known, pipeline_inputs.combined(documents)


def _arguments(args: argparse.Namespace, known: Specification) -> dict[str, Any]:
    given = load_params_file(args.params_file) if args.params_file else {}
    given.update(parse_assignments(args.param, known.inputs))
    return check_arguments(given, known.inputs)
