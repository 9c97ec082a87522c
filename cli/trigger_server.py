"""``trigger-server``: alerts and CloudEvents start pipeline runs."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.reservation import LEASE

# Seconds. A start has half of the lease for its request, and KFP has more than a minute to answer it.
_SHORTEST_LEASE = 180.0

_DESCRIPTION = """Takes Alertmanager's webhooks (POST /alertmanager) and CloudEvents (POST /cloudevents), and starts the
runs that a mapping file names, each at most once. The KFP API and the Kubernetes API come from the settings, as in a
step. Exit code 0: it was stopped; 1: the address is taken; 2: a parameter or the file is wrong."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "trigger-server", help="start runs on alerts and CloudEvents", description=_DESCRIPTION
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="the mapping of events to runs")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; beyond loopback with --token-file only")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--token-file", default="", metavar="FILE", help="the shared secret, read for each request")
    parser.add_argument("--namespace", default="", help="of runs and reservations (default: the pod's own)")
    parser.add_argument(
        "--lease",
        type=float,
        default=LEASE.total_seconds(),
        metavar="SECONDS",
        help="after which a start that nobody recorded may be taken over (180 to 3600, default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, shortest_lease: float = _SHORTEST_LEASE) -> int:
    from kfp_lifecycle.triggers import app, authorization, mapping, server, starting

    try:
        if not shortest_lease <= args.lease <= 3600:
            raise InputError(
                "--lease", args.lease, f"{shortest_lease:.0f} to 3600 seconds", "Leave it out for the default."
            )
        authorization.require_token(args.host, args.token_file)
        rules = mapping.load(args.config)
        apis = starting.backends(args.namespace, timedelta(seconds=args.lease))
        server.serve(app.create_app(rules, apis, args.token_file), args.host, args.port)
    except InputError as error:
        print(f"trigger-server: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"trigger-server: cannot listen on {args.host}:{args.port}: {error}", file=sys.stderr)
        return 1
    return 0
