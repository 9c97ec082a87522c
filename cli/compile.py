"""``compile``: every pipeline and component as YAML that a cluster and one machine run alike."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from kfp_lifecycle import __version__
from kfp_lifecycle.cli.image_overrides import chosen_images, rewrite
from kfp_lifecycle.cli.pipeline_modules import pipelines
from kfp_lifecycle.components import face_modules, images
from kfp_lifecycle.core.errors import InputError

FORMATS = ("ir", "kubernetes")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("compile", help="write every pipeline and component as YAML")
    _add_arguments(parser)
    parser.set_defaults(run=run)


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry of ``compile.py``."""
    parser = argparse.ArgumentParser(prog="compile.py", description=__doc__)
    _add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(args: argparse.Namespace) -> int:
    try:
        chosen = chosen_images(args.registry, args.tag, args.image)
        built = pipelines(args.settings, args.pipeline)
    except InputError as error:
        print(f"compile: {error}", file=sys.stderr)
        return 2
    out = Path(args.out)
    if args.format == "kubernetes":
        written = compile_manifests(out, built, chosen, args.namespace)
    else:
        written = compile_pipelines(out, built, chosen) + compile_components(out, chosen)
    for path in written:
        print(path)
    return 0


def compile_pipelines(out: Path, built: Mapping[str, Any], chosen: Mapping[str, str]) -> list[Path]:
    """Write ``<out>/pipelines/<name>.yaml``, to upload or to run on one machine."""
    return [_write(out / "pipelines" / f"{name}.yaml", it, chosen) for name, it in built.items()]


def compile_components(out: Path, chosen: Mapping[str, str]) -> list[Path]:
    """Write ``<out>/components/<verb>.yaml``, for ``load_component_from_file`` in anyone's pipeline."""
    return [
        _write(out / "components" / f"{verb}.yaml", getattr(import_module(module), verb), chosen)
        for verb, module in face_modules().items()
    ]


def compile_manifests(out: Path, built: Mapping[str, Any], chosen: Mapping[str, str], namespace: str) -> list[Path]:
    """Write ``<out>/kubernetes/<name>.yaml``, a Pipeline and a PipelineVersion to apply or to keep in GitOps."""
    from kfp.compiler.compiler_utils import KubernetesManifestOptions

    written = []
    for name, pipeline in built.items():
        options = KubernetesManifestOptions(
            pipeline_name=pipeline.name,
            pipeline_version_name=f"{pipeline.name}-{__version__}",
            namespace=namespace or None,
            include_pipeline_manifest=True,
        )
        path = out / "kubernetes" / f"{name}.yaml"
        written.append(
            _write(path, pipeline, chosen, kubernetes_manifest_format=True, kubernetes_manifest_options=options)
        )
    return written


def _write(path: Path, compilable: Any, chosen: Mapping[str, str], **options: Any) -> Path:
    from kfp.compiler import Compiler

    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "compiled.yaml"
        Compiler().compile(compilable, str(raw), **options)
        text = rewrite(raw.read_text(encoding="utf-8"), chosen)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="build", help="the folder to write to (default: build)")
    parser.add_argument(
        "--registry", default=images.REGISTRY, help=f"where the images are (default: {images.REGISTRY})"
    )
    parser.add_argument("--tag", default=__version__, help=f"their tag (default: {__version__})")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FAMILY=REFERENCE",
        help=f"your own image for one family of {', '.join(images.NAMES)}; may be repeated",
    )
    parser.add_argument(
        "--pipeline",
        action="append",
        default=[],
        metavar="FILE.py",
        help="pipelines of your own to compile beside those of the library; may be repeated",
    )
    parser.add_argument(
        "--settings",
        default="",
        metavar="FILE",
        help="YAML: resources, node selectors, retries and the like of tasks (docs/composing.md)",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="ir",
        help="ir writes pipelines/ and components/ for upload; kubernetes writes Pipeline and PipelineVersion "
        "manifests to kubernetes/",
    )
    parser.add_argument("--namespace", default="", help="the namespace in the manifests (default: that of kubectl)")
