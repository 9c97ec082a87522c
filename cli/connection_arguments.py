"""The arguments that commands share which talk to a KFP API."""

from __future__ import annotations

import argparse


def add_connection_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which KFP API is meant."""
    parser.add_argument("--host", default="", metavar="URL", help="the KFP API (default: KF_PIPELINES_ENDPOINT)")
    parser.add_argument("--namespace", default="", help="on a multi-user KFP (default: the pod's own or kubectl's)")
