"""Pipelines and versions by the official client."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import httpx
import kfp
import kfp_server_api
import pytest
import yaml
from kfp_server_api import V2beta1CreatePipelineAndVersionRequest, V2beta1Pipeline, V2beta1PipelineVersion
from tests.local.kfp_api.serving import refused


def test_an_upload_makes_a_pipeline_with_a_first_version_that_holds_the_spec(api: kfp.Client, package: Path) -> None:
    made = api.upload_pipeline(str(package), "greetings", description="says hello")
    assert api.get_pipeline(made.pipeline_id) == made
    assert (made.name, made.display_name, made.description) == ("greetings", "greetings", "says hello")
    assert api.get_pipeline_id("greetings") == made.pipeline_id
    [version] = api.list_pipeline_versions(made.pipeline_id).pipeline_versions
    assert (version.name, version.pipeline_id) == ("greetings", made.pipeline_id)
    assert version.pipeline_spec == yaml.safe_load(package.read_text())
    by_name = api._pipelines_api.pipeline_service_get_pipeline_by_name("greetings")
    assert by_name == made


def test_versions_are_listed_newest_first_when_asked_so_and_deleted_one_by_one(api: kfp.Client, package: Path) -> None:
    made = api.upload_pipeline(str(package))
    assert made.name == "greet"
    second = api.upload_pipeline_version(str(package), "v2", pipeline_name="greet", description="better")
    found = api.list_pipeline_versions(made.pipeline_id, sort_by="created_at desc").pipeline_versions
    assert [version.name for version in found] == ["v2", "greet"]
    assert api.get_pipeline_version(made.pipeline_id, second.pipeline_version_id) == second
    with refused(400, "cascade=true"):
        api.delete_pipeline(made.pipeline_id)
    for version in found:
        api.delete_pipeline_version(made.pipeline_id, version.pipeline_version_id)
    with refused(404, second.pipeline_version_id):
        api.get_pipeline_version(made.pipeline_id, second.pipeline_version_id)
    api.delete_pipeline(made.pipeline_id)
    with refused(404, made.pipeline_id):
        api.get_pipeline(made.pipeline_id)


def test_deletion_with_cascade_takes_the_versions_along(api: kfp.Client, package: Path) -> None:
    made = api.upload_pipeline(str(package), "greetings")
    api._pipelines_api.pipeline_service_delete_pipeline(made.pipeline_id, cascade=True)
    with refused(404, made.pipeline_id):
        api.list_pipeline_versions(made.pipeline_id)
    assert api.upload_pipeline(str(package), "greetings").pipeline_id != made.pipeline_id


def test_a_taken_name_is_a_conflict_and_changes_nothing(api: kfp.Client, package: Path) -> None:
    made = api.upload_pipeline(str(package), "greetings")
    with refused(409, "greetings"):
        api.upload_pipeline(str(package), "greetings")
    with refused(409, "greetings"):
        api.upload_pipeline_version(str(package), "greetings", pipeline_id=made.pipeline_id)
    assert api.list_pipelines().total_size == 1
    assert api.list_pipeline_versions(made.pipeline_id).total_size == 1


def test_a_pipeline_is_made_by_json_too(api: kfp.Client, package: Path) -> None:
    service, spec = api._pipelines_api, yaml.safe_load(package.read_text())
    empty = service.pipeline_service_create_pipeline(V2beta1Pipeline(display_name="empty"))
    assert not api.list_pipeline_versions(empty.pipeline_id).pipeline_versions
    version = V2beta1PipelineVersion(display_name="v1", pipeline_spec=spec)
    added = service.pipeline_service_create_pipeline_version(empty.pipeline_id, version)
    assert added.pipeline_spec == spec
    both = V2beta1CreatePipelineAndVersionRequest(V2beta1Pipeline(display_name="both"), version)
    made = service.pipeline_service_create_pipeline_and_version(both)
    assert api.list_pipeline_versions(made.pipeline_id).total_size == 1


def test_a_package_of_two_documents_keeps_its_platform_spec(api: kfp.Client, platform_package: Path) -> None:
    made = api.upload_pipeline(str(platform_package), "secretly")
    [version] = api.list_pipeline_versions(made.pipeline_id).pipeline_versions
    spec, platform = yaml.safe_load_all(platform_package.read_text())
    assert version.pipeline_spec == {"pipeline_spec": spec, "platform_spec": platform}


def test_packages_may_be_zipped(api: kfp.Client, package: Path, tmp_path: Path) -> None:
    zipped, tarred = tmp_path / "p.zip", tmp_path / "p.tar.gz"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(package, "pipeline.yaml")
        archive.writestr("other.yaml", "x: 1")
    with tarfile.open(tarred, "w:gz") as archive:
        archive.add(package, "folder/greet.yaml")
    for path in (zipped, tarred):
        made = api.upload_pipeline(str(path), path.name)
        [version] = api.list_pipeline_versions(made.pipeline_id).pipeline_versions
        assert version.pipeline_spec["pipelineInfo"]["name"] == "greet"


def tarred(member: bytes) -> bytes:
    """A tar.gz file of this one header with its data, and the end of the archive."""
    return gzip.compress(member + bytes(1024))


def header(**fields: Any) -> tarfile.TarInfo:
    """Of a file in a tar archive."""
    member = tarfile.TarInfo("pipeline.yaml")
    for name, value in fields.items():
        setattr(member, name, value)
    return member


def sparse(size: int) -> bytes:
    """A tar.gz file whose file is one hole of this size."""
    block = bytearray(header(type=tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    block[386:398] = block[483:495] = b"%011o\0" % size
    block[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(block))[0]
    return tarred(bytes(block))


def zipped(method: int = zipfile.ZIP_DEFLATED, content: bytes = b"x: 1", flags: int = 0) -> bytes:
    """A zip file with these flags in both of its headers."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("pipeline.yaml", content)
    raw = bytearray(file.getvalue())
    raw[6] |= flags
    raw[raw.index(b"PK\x01\x02") + 8] |= flags
    return bytes(raw)


def doubling(first: bytes, following: bytes, count: int = 40) -> bytes:
    """YAML in which each value names the one before it twice."""
    lines = [first, *(following % {b"this": number, b"last": number - 1} for number in range(1, count))]
    return b"\n".join(lines)


WRONG = {
    "a hole": (sparse(40 << 20), "sparse"),
    "a negative size": (tarred(header(size=-1024).tobuf(tarfile.GNU_FORMAT)), "no size"),
    "an encrypted zip": (zipped(flags=1), "not encrypted"),
    "an lzma zip": (zipped(zipfile.ZIP_LZMA), "stored or deflated"),
    "a broken zip": (zipped(content=b"x" * 1000).replace(b"pipeline.yaml", b"pipeline.yam\xff", 1), "unpacked"),
    "merge keys": (
        doubling(b"a0: &a0 {x: 1}", b"a%(this)d: &a%(this)d {<<: [*a%(last)d, *a%(last)d]}", 25),
        "merge keys",
    ),
    "pairs of pairs": (
        doubling(b"a0: &a0 [x]", b"a%(this)d: &a%(this)d !!pairs [x: *a%(last)d, y: *a%(last)d]"),
        "more than",
    ),
    "a long text again and again": (b"a: &a " + b"x" * 100_000 + b"\nb: [" + b"*a, " * 1000 + b"]", "characters"),
    "a number of a million parts": (b"a: 1" + b":1" * 1_000_000, "number is too long"),
    "an endless hexadecimal number": (b"a: 0x" + b"f" * 1_000_000, "number is too long"),
    "text": (b"just text", "compiled pipeline"),
    "nothing": (b"", "expected a compiled pipeline"),
    "no yaml": (b"a: [", "no readable YAML"),
    "a tag": (b"!!python/object/apply:os.system [id]", "no readable YAML"),
    "no utf-8": (b"\xff\xfe\x00", "no readable YAML"),
    "a date": (b"a: 2020-01-01", "no readable YAML"),
    "nested": (b"[" * 5000, "no readable YAML"),
    "a workflow": (b"kind: Workflow\napiVersion: argoproj.io/v1alpha1", "v1 Workflow"),
    "no root": (b"pipelineInfo: {name: x}\nschemaVersion: 2.1.0", "no root"),
    "a zip": (b"PK\x03\x04 and then nothing", "cannot be unpacked"),
    "a gzip": (b"\x1f\x8b and then nothing", "cannot be unpacked"),
    "half a pipeline": (
        b"pipelineInfo: {name: x}\nschemaVersion: 2.1.0\ncomponents: {}\ndeploymentSpec: {}\n"
        b"root: {dag: {tasks: {t: {componentRef: {name: comp-t}}}}}",
        "comp-t",
    ),
    "laughs": (
        b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 40)),
        "more than",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_upload_is_refused_with_the_reason_and_leaves_nothing(
    api: kfp.Client, tmp_path: Path, name: str
) -> None:
    content, reason = WRONG[name]
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content)
    with refused(400, reason):
        api.upload_pipeline(str(path), "wrong")
    assert not api.list_pipelines().pipelines


def test_what_is_too_large_is_refused_packed_or_not(api: kfp.Client, url: str, tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (9 << 20))
    with refused(413, "8388608"):
        api.upload_pipeline(str(large), "large")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pipeline.yaml", b"#" * (100 << 20))
    packed = tmp_path / "bomb.zip"
    packed.write_bytes(bomb.getvalue())
    with refused(413, "8388608"):
        api.upload_pipeline(str(packed), "bomb")
    # Without a length in the header nobody can know before.
    chunks = (b"x" * (1 << 20) for _ in range(10))
    assert httpx.post(f"{url}/apis/v2beta1/runs", content=chunks).status_code == 413


def test_an_upload_without_its_file_or_pipeline_is_refused(api: kfp.Client, url: str, package: Path) -> None:
    assert httpx.post(f"{url}/apis/v2beta1/pipelines/upload", content=b"x").status_code == 400
    files = {"other": package.read_bytes()}
    assert "uploadfile" in httpx.post(f"{url}/apis/v2beta1/pipelines/upload", files=files).json()["message"]
    with refused(400, "pipelineid"):
        kfp_server_api.PipelineUploadServiceApi(api._upload_api.api_client).upload_pipeline_version(str(package))
    with refused(404, "nobody"):
        api.upload_pipeline_version(str(package), "v2", pipeline_id="nobody")
