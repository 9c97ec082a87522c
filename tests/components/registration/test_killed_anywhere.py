"""A register that was killed at any of its writes, and ran again, leaves one version, one export, one alias."""

from __future__ import annotations

import re
import uuid

import boto3
import pytest
from mlflow import MlflowClient

REGISTER = "kfp_lifecycle.components.registration.registration:register"
# Every write, in order: what register leaves behind when it is killed after it.
WRITES = [
    ("PUT .*/model.skops", "an export without its marker"),
    ("PUT .*/profile/profile.json", "an export without its marker"),
    ("PUT .*/checksums.json", "an export that no version names"),
    ("POST .*/registered-models/create", "a registered model without a version"),
    ("POST .*/model-versions/create", "a version without the alias"),
    ("POST .*/registered-models/alias", "everything"),
]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_killed_at_every_write_and_run_again(mlflow_uri, trained, s3, s3_endpoint, nursery, proxied, writes, before):
    environment = {
        "MLFLOW_TRACKING_URI": proxied(mlflow_uri, writes).url,
        "AWS_ENDPOINT_URL": proxied(s3_endpoint, writes).url,
        "KFP_LIFECYCLE_MODELS_ROOT": f"{s3}/models",
        **{name: "test" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
    }
    seen = []
    for kill_at in range(1, len(WRITES) + 2):
        name, model = f"model-{uuid.uuid4().hex[:8]}", trained()
        writes.kill_at, writes.before = kill_at, before
        writes.seen.clear()
        arguments = {"model": vars(model), "model_name": name, "run_id": "run-1"}
        code, _, output = nursery.run(REGISTER, writes, environment, **arguments)
        seen = list(writes.seen)
        assert code == (-9 if kill_at <= len(WRITES) else 0), output
        writes.kill_at = 0
        code, answer, output = nursery.run(REGISTER, writes, environment, **arguments)
        assert code == 0, output
        digest = model.metadata["digest"]
        assert answer == ["1", f"{s3}/models/{name}/{digest}", digest]
        client = MlflowClient(mlflow_uri)
        assert len(client.search_model_versions(f"name='{name}'")) == 1
        assert client.get_registered_model(name).aliases == {"challenger": "1"}
        objects = boto3.client("s3").list_objects_v2(Bucket=s3.removeprefix("s3://"), Prefix=f"models/{name}/")
        assert len(objects["Contents"]) == 3
    assert len(seen) == len(WRITES)
    for line, (pattern, _) in zip(seen, WRITES, strict=True):
        assert re.fullmatch(pattern, line)
