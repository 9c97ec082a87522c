"""``generate``: the files that follow from faces and metadata, for those who change the library."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from kfp_lifecycle.cli.component_readme import render_readme
from kfp_lifecycle.cli.role import render_role
from kfp_lifecycle.components import metadata


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "generate", help="write the components' READMEs and the Role from faces and metadata"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the stale files")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    stale = [path for path, text in generated_files().items() if _content(path) != text]
    for path in stale:
        if not args.check:
            path.write_text(generated_files()[path], encoding="utf-8")
        print(f"{'stale' if args.check else 'written'}: {path}", file=sys.stderr)
    return 1 if args.check and stale else 0


def generated_files() -> dict[Path, str]:
    """Every generated file with what it should hold."""
    folders = metadata.folders()
    files = {folder / "README.md": render_readme(verb, folder) for verb, folder in folders.items()}
    manifests = Path(str(import_module("kfp_lifecycle.manifests").__file__)).parent
    files[manifests / "role.yaml"] = render_role({verb: metadata.load(folder) for verb, folder in folders.items()})
    return files


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
