"""A fingerprint changes with the data, and with nothing else."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import boto3
import pytest

from kfp_lifecycle.adapters.object_fingerprints import fingerprint
from kfp_lifecycle.core.errors import InputError


def fill(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return fill(tmp_path / "data", a="1,2\n", week1__b="3,4\n")


def test_a_touched_or_copied_file_is_the_same_data(data: Path, tmp_path: Path) -> None:
    before = fingerprint(str(data))
    os.utime(data / "a", (1, 1))
    assert fingerprint(str(data)) == before
    assert fingerprint(str(fill(tmp_path / "copy", a="1,2\n", week1__b="3,4\n"))) == before
    assert fingerprint(f"file://{data}") == before


@pytest.mark.parametrize(
    "change",
    [{"a": "1,3\n"}, {"a": "1,2\n\n"}, {"c": ""}, {"week1__c": "5,6\n"}],
)
def test_changed_and_added_files_are_other_data(data: Path, change: dict[str, str]) -> None:
    before = fingerprint(str(data))
    fill(data, **change)
    assert fingerprint(str(data)) != before


def test_removed_renamed_and_swapped_files_are_other_data(data: Path) -> None:
    seen = {fingerprint(str(data))}
    (data / "a").rename(data / "z")
    seen.add(fingerprint(str(data)))
    fill(data, z="3,4\n", week1__b="1,2\n")
    seen.add(fingerprint(str(data)))
    (data / "z").unlink()
    seen.add(fingerprint(str(data)))
    assert len(seen) == 4


def test_markers_and_hidden_files_are_no_data(data: Path) -> None:
    before = fingerprint(str(data))
    fill(data, _SUCCESS="", _temporary__x="1", **{".part": "1"})
    assert fingerprint(str(data)) == before


def test_a_pattern_stands_for_its_matches(data: Path) -> None:
    before = fingerprint(f"{data}/*/b")
    fill(data, a="other")
    assert fingerprint(f"{data}/*/b") == before
    fill(data, week2__b="3,4\n")
    assert fingerprint(f"{data}/*/b") != before


def test_one_file_is_its_content_whatever_it_is_called(data: Path) -> None:
    before = fingerprint(str(data / "a"))
    (data / "a").rename(data / "b")
    assert fingerprint(str(data / "b")) == before


@pytest.mark.parametrize("name", ["absent", "empty", "hidden"])
def test_nothing_has_no_fingerprint(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "hidden", _SUCCESS="")
    with pytest.raises(InputError, match=r"--if-changed"):
        fingerprint(str(tmp_path / name), "--if-changed")


def test_in_s3_the_store_is_asked_and_nothing_is_read(s3: str) -> None:
    client, bucket = boto3.client("s3"), s3.removeprefix("s3://")
    folder = f"{s3}/{uuid.uuid4().hex}"
    key = folder.split("/", 3)[3]
    reads: list[str] = []
    client.put_object(Bucket=bucket, Key=f"{key}/a.csv", Body=b"1,2\n")
    client.put_object(Bucket=bucket, Key=f"{key}/_SUCCESS", Body=b"")
    import s3fs

    def opened(*arguments: object, **options: object) -> None:
        reads.append("read")
        raise AssertionError("nothing should be read")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3fs.S3FileSystem, "_open", opened)
        before = fingerprint(folder)
        client.put_object(Bucket=bucket, Key=f"{key}/a.csv", Body=b"1,2\n")
        assert fingerprint(folder) == before
        client.put_object(Bucket=bucket, Key=f"{key}/a.csv", Body=b"1,3\n")
        assert fingerprint(folder) != before
    assert reads == []


def test_the_same_file_in_other_parts_counts_as_changed_in_s3(s3: str) -> None:
    client, bucket = boto3.client("s3"), s3.removeprefix("s3://")
    content = b"x" * (6 << 20)
    client.put_object(Bucket=bucket, Key="a.csv", Body=content)
    before = fingerprint(f"{s3}/a.csv")
    upload = {"Bucket": bucket, "Key": "a.csv", "UploadId": client.create_multipart_upload(
        Bucket=bucket, Key="a.csv")["UploadId"]}  # fmt: skip
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate((content[: 5 << 20], content[5 << 20 :]), 1)
    ]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert fingerprint(f"{s3}/a.csv") != before


def test_an_https_file_is_read_as_its_server_may_say_anything_of_it(https_server) -> None:  # type: ignore[no-untyped-def]
    https_server.files["/data.csv"] = b"1,2\n"
    before = fingerprint(f"{https_server.url}/data.csv")
    assert fingerprint(f"{https_server.url}/data.csv?signature=other") == before
    # The test's server names the same ETag and time for everything.
    https_server.files["/data.csv"] = b"1,3\n"
    assert fingerprint(f"{https_server.url}/data.csv") != before
