"""``upload``: compiled pipelines to a KFP API, a new version only for new content."""

from __future__ import annotations

import argparse
import sys

from kfp_lifecycle.adapters.kfp_connection import connect
from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.adapters.kfp_uploads import Outcome, check_tag, upload
from kfp_lifecycle.cli.connection_arguments import add_connection_arguments
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.pipeline_package import Package, read_package

_DESCRIPTION = """A pipeline is named as in its file. Its newest version is compared by content, so that comments and
white space make no new one. Exit code 0: every file's content is the newest version of its pipeline; 1: the API
refused or did not answer, and files before the one named were uploaded; 2: a file or an argument is wrong."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("upload", help="upload compiled pipelines", description=_DESCRIPTION)
    parser.add_argument("files", nargs="+", metavar="PIPELINE.yaml", help="files that compile.py wrote")
    parser.add_argument("--tag", default="", help="the name of new versions (default: from the content)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be uploaded, and write nothing")
    add_connection_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        packages = _packages(args.files)
        if args.tag:
            check_tag(args.tag)
        connection = connect(args.host, args.namespace)
        for package in packages:
            done = upload(connection, package, args.tag, args.dry_run)
            print(f"{package.path}: {_told(done.outcome, package.name, done.version, args.dry_run)}", flush=True)
    except InputError as error:
        print(f"upload: {error}", file=sys.stderr)
        return 2
    except KfpError as error:
        print(f"upload: {error}", file=sys.stderr)
        return 1
    return 0


def _told(outcome: Outcome, pipeline: str, version: str, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    if outcome is Outcome.UPLOADED:
        return f"{would}uploaded pipeline {pipeline}, version {version}"
    if outcome is Outcome.NEW_VERSION:
        return f"{would}new version {version} of {pipeline}"
    return f"unchanged, version {version} of {pipeline}"


def _packages(paths: list[str]) -> list[Package]:
    packages = [read_package(path) for path in paths]
    by_name: dict[str, Package] = {}
    for package in packages:
        other = by_name.setdefault(package.name, package)
        if other is not package:
            raise InputError(
                package.path,
                package.name,
                f"each pipeline once; {other.path} holds it too",
                "Upload one of the two, or give one of them another name.",
            )
    return packages
