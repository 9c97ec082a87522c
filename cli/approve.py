"""``approve``: say yes or no to a release that waits for a human."""

from __future__ import annotations

import argparse
import sys

from kfp_lifecycle.adapters import kubernetes_connection
from kfp_lifecycle.adapters.approvals import write_annotation
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.core.approval import Verdict, answer_text
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.release_format import RecordError
from kfp_lifecycle.core.release_inputs import check_service_name, check_version
from kfp_lifecycle.core.window import format_time

_DESCRIPTION = """Write an annotation on the release record of the service, if its step approve still waits for this
version. The cluster is that of KUBECONFIG. Exit code 0: it is written, or was before; 1: the cluster refused or does
not answer, or the record cannot be read or changes all the time; 2: nothing waits, somebody rejected it, or an argument
is wrong, and nothing was written."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("approve", help="approve or reject a release that waits", description=_DESCRIPTION)
    parser.add_argument("--service", required=True, help="the name of the InferenceService")
    parser.add_argument("--version", required=True, help="the MLflow version that waits")
    parser.add_argument("--by", required=True, help="who decides; kept in the release record and in the report")
    parser.add_argument("--reject", action="store_true", help="say no; an approval cannot follow")
    parser.add_argument("--namespace", default="", help="of the service (default: the context's own)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    verdict = Verdict.REJECTED if args.reject else Verdict.APPROVED
    try:
        service, version = check_service_name(args.service), check_version(args.version)
        namespace = args.namespace or kubernetes_connection.own_namespace()
        connection = kubernetes_connection.connect()
        asked, answer = write_annotation(connection, service, namespace, version, verdict, args.by)
    except InputError as error:
        print(f"approve: {error}", file=sys.stderr)
        return 2
    except (KubernetesError, RecordError) as error:
        print(f"approve: {error}", file=sys.stderr)
        return 1
    print(f"{service}: {answer_text(answer)} (the step waits until {format_time(asked.deadline)})")
    return 0
