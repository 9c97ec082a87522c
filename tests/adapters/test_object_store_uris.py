"""Which URIs are taken, and what of them is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.adapters.object_store import join, locate, public
from kfp_lifecycle.core.errors import InputError


@pytest.mark.parametrize(
    ("uri", "scheme", "path"),
    [
        ("/data/flights", "file", "/data/flights"),
        ("/data//flights/", "file", "/data/flights"),
        ("file:///data/late%20flights", "file", "/data/late flights"),
        ("/data/100%25", "file", "/data/100%25"),
        ("s3://bucket/a/b.parquet", "s3", "bucket/a/b.parquet"),
        ("s3://bucket", "s3", "bucket"),
        ("gs://bucket/a/", "gs", "bucket/a"),
        ("https://host/a?sig=1", "https", "https://host/a?sig=1"),
    ],
)
def test_a_uri_is_a_scheme_and_a_path(uri, scheme, path):
    assert (locate(uri).scheme, locate(uri).path) == (scheme, path)


def test_a_relative_path_is_below_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate("data/*.csv").path == f"{tmp_path}/data/*.csv"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("", "a path or a URI"),
        ("  ", "a path or a URI"),
        ("s3://", "a path or a URI"),
        ("/data/\n/x", "a path or a URI"),
        ("hdfs://host/x", "hdfs:// is not supported"),
        ("http://host/x", "http:// is not supported"),
        ("file://host/x", "three slashes"),
        ("s3:///key", "Name the bucket"),
        ("/data/../etc/passwd", "a path without .."),
        ("file:///data/%2e%2e/etc", "a path without .."),
        ("s3://bucket/../other/key", "a path without .."),
        ("https://host/a/../b", "a path without .."),
        ("https://host/a/%2E%2e/b", "a path without .."),
        ("https://user:secret@host/x", "without a user or password"),
        ("s3://key:secret@bucket/x", "without a user or password"),
    ],
)
def test_other_uris_are_refused_with_the_parameter_named(uri, expected):
    with pytest.raises(InputError, match=expected) as refusal:
        locate(uri, "table_uri")
    assert refusal.value.parameter == "table_uri"
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", "a\0b"])
@pytest.mark.parametrize("root", ["/data", "s3://bucket/x"])
def test_a_name_cannot_lead_out_of_its_folder(root, name):
    with pytest.raises(InputError, match="a name below"):
        join(root, name)


@given(names=st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_whatever_is_joined_stays_inside(names):
    try:
        joined = join("/data/root", *names)
    except InputError:
        return
    assert locate(joined).path.startswith("/data/root/") or all(name.strip(".") == "" for name in names)


def test_signatures_and_passwords_are_not_shown():
    assert public("https://user:secret@host:8443/a/b.csv?X-Amz-Signature=secret") == "https://host:8443/a/b.csv"
    assert public("s3://bucket/what?") == "s3://bucket/what?"
    assert public("/data/a@b") == "/data/a@b"
