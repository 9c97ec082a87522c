"""Compiled pipelines uploaded to the KFP API, a new version only for new content."""

from __future__ import annotations

import itertools
import random
import re
import time
from dataclasses import dataclass
from enum import StrEnum

import kfp_server_api

from kfp_lifecycle.adapters.kfp_answers import identified
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpConflict, KfpError, may_pass
from kfp_lifecycle.adapters.kfp_pipelines import Pipeline, find_pipeline, find_version, latest_version
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.pipeline_package import Package, described, described_digest, version_names

_MOST_TRIES = 5
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,126}")


class Outcome(StrEnum):
    UPLOADED = "uploaded"
    NEW_VERSION = "new version"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Upload:
    """What became of one file, or would: ``version`` is the name of the version that has its content."""

    outcome: Outcome
    version: str


def check_tag(tag: str) -> None:
    """Refuse a tag that is no name of a version.

    Raises:
        InputError: it is none.
    """
    if not _TAG.fullmatch(tag):
        expected = "up to 127 letters, digits and . _ + -, a letter or digit first"
        raise InputError("--tag", tag, expected, "Write for example --tag 1.4.0.")


def upload(connection: KfpConnection, package: Package, tag: str = "", dry_run: bool = False) -> Upload:
    """Make the newest version of the package's pipeline hold its content.

    What is there is looked at before each try, so that neither a lost answer nor another upload at the same time
    makes a second version.

    Args:
        tag: the name of a new version; by default it is named for its content.
        dry_run: write nothing.

    Raises:
        InputError: the tag names a version with other content, or one that other content has replaced.
        KfpError: the API refused, or failed several times.
    """
    written = Outcome.UNCHANGED
    for attempt in itertools.count(1):
        try:
            pipeline = find_pipeline(connection, package.name)
            name, is_new = _version(connection, package, pipeline, tag)
            if not is_new:
                return Upload(written, name)
            outcome = Outcome.NEW_VERSION if pipeline else Outcome.UPLOADED
            if dry_run:
                return Upload(outcome, name)
            written = Outcome.UPLOADED if written is Outcome.UPLOADED else outcome
            pipeline = pipeline or _create(connection, package.name)
            _upload_version(connection, pipeline, package, name)
            return Upload(written, name)
        except KfpError as error:
            if isinstance(error, KfpConflict):
                written = Outcome.UNCHANGED  # another upload was quicker, maybe with this content
            elif not may_pass(error) or attempt >= _MOST_TRIES:
                raise
            if attempt >= _MOST_TRIES:
                raise
            time.sleep(random.uniform(0.1, 0.5) * attempt)
    raise AssertionError("counts for ever")


def _version(connection: KfpConnection, package: Package, pipeline: Pipeline | None, tag: str) -> tuple[str, bool]:
    """The name of the version for this content, and whether it has to be made."""
    if pipeline is None:
        return tag or next(version_names(package.digest)), True
    tagged = find_version(connection, pipeline.id, tag) if tag else None
    if tagged and described_digest(tagged.description) != package.digest:
        raise InputError(
            "--tag",
            tag,
            f"a name that is free, or that of the same content: {package.name!r} has a version {tag!r} with other "
            "content",
            "Give another tag; a version cannot be changed.",
        )
    newest = latest_version(connection, pipeline.id)
    if newest and described_digest(newest.description) == package.digest:
        return tagged.name if tagged else newest.name, False
    if tagged:
        raise InputError(
            "--tag",
            tag,
            f"a name that is free: {package.name!r} has a version {tag!r} with this content, but its newest one is "
            f"{newest.name if newest else ''!r} with other content",
            "Give another tag; a version cannot become the newest again.",
        )
    # Content that was uploaded before, and replaced since, becomes the newest under a further name.
    names = iter((tag,)) if tag else version_names(package.digest)
    return next(name for name in names if tag or not find_version(connection, pipeline.id, name)), True


def _create(connection: KfpConnection, name: str) -> Pipeline:
    # The upload of a new pipeline would name its first version like the pipeline; this one has none yet.
    made = connection.write(
        f"create the pipeline {name!r}",
        kfp_server_api.PipelineServiceApi(connection.client).pipeline_service_create_pipeline,
        pipeline=kfp_server_api.V2beta1Pipeline(display_name=name, namespace=connection.namespace or None),
    )
    return Pipeline(identified(made.pipeline_id, f"the pipeline {name!r}", connection.host), name)


def _upload_version(connection: KfpConnection, pipeline: Pipeline, package: Package, name: str) -> None:
    connection.write(
        f"upload a version of {pipeline.name!r}",
        kfp_server_api.PipelineUploadServiceApi(connection.client).upload_pipeline_version,
        uploadfile=package.path,
        name=name,
        pipelineid=pipeline.id,
        description=described(package.digest),
    )
