"""Where an export lies for those who write it and for KServe."""

from __future__ import annotations

import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.models_root import check_serve_uri, models_root

DIGEST = "a" * 64


@pytest.mark.parametrize(
    ("write", "serve", "written", "served"),
    [
        ("s3://bucket/models/", "", "s3://bucket/models", "s3://bucket/models"),
        ("/mnt/models", "pvc://models", "/mnt/models", "pvc://models"),
        ("/home/me/models", "", "/home/me/models", "file:///home/me/models"),
        ("/home/me/models", "/home/me/models", "/home/me/models", "file:///home/me/models"),
        ("file:///home/me/models", "", "file:///home/me/models", "file:///home/me/models"),
    ],
)
def test_the_two_names_of_a_root(monkeypatch, write, serve, written, served):
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", write)
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_SERVE_ROOT", serve)
    root = models_root()
    assert root.write_uri("churn", DIGEST) == f"{written}/churn/{DIGEST}"
    assert root.serve_uri("churn", DIGEST) == f"{served}/churn/{DIGEST}"
    assert root.readable(root.serve_uri("churn", DIGEST)) == root.write_uri("churn", DIGEST)


def test_a_uri_outside_the_root_is_read_where_it_says(monkeypatch):
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", "/mnt/models")
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_SERVE_ROOT", "pvc://models")
    assert models_root().readable("pvc://models-old/x") == "pvc://models-old/x"
    assert models_root().readable("s3://bucket/x") == "s3://bucket/x"


@pytest.mark.parametrize("uri", ["s3://b/x", "gs://b/x", "pvc://c/x", "oci://r/x", "https://h/x"])
def test_what_kserve_reads_is_taken(uri):
    assert check_serve_uri(uri) == uri


@pytest.mark.parametrize(
    "uri", ["/models/x", "file:///models/x", "models:/churn@champion", "mlflow-artifacts:/1/x", ""]
)
def test_what_a_cluster_cannot_read_names_the_setting(uri):
    with pytest.raises(InputError, match=r"^uri=.*Set KFP_LIFECYCLE_MODELS_SERVE_ROOT"):
        check_serve_uri(uri)


def test_the_local_cluster_may_add_local_files(monkeypatch):
    monkeypatch.setenv("KFP_LIFECYCLE_SERVE_SCHEMES", "s3,file")
    assert check_serve_uri("file:///models/x")
