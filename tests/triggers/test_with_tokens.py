"""A trigger server on a multi-user KFP API: with a token for its audience, in its own namespace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml
from tests.triggers.conftest import ROLE, RULES, SECRET, TriggerServer, runs

from kfp_lifecycle.local.testing import Cluster


def test_it_starts_runs_with_its_token_and_says_when_it_is_refused(
    local_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = local_cluster(kfp=True, kfp_tokens=True, role=ROLE)
    package, mapping, secret = (tmp_path / name for name in ("retrain.yaml", "triggers.yaml", "secret"))
    subprocess.run([sys.executable, str(Path(__file__).with_name("echo_pipeline.py")), str(package)], check=True)
    client = cluster.kfp_client()
    client.upload_pipeline(str(package), pipeline_name="retrain", namespace="default")
    mapping.write_text(yaml.safe_dump(RULES), encoding="utf-8")
    secret.write_text(SECRET, encoding="utf-8")
    token = tmp_path / "token"
    token.write_text(Path(cluster.environment()["KF_PIPELINES_SA_TOKEN_PATH"]).read_text("utf-8"), encoding="utf-8")
    arguments = ["--config", str(mapping), "--port", "0", "--token-file", str(secret)]
    settings = {**cluster.environment(), "KF_PIPELINES_SA_TOKEN_PATH": str(token)}
    server = TriggerServer(settings, arguments, tmp_path / "log")
    try:
        [run] = server.alert(model="tokens").json()["runs"]
        assert [run["run_id"]] == [each.run_id for each in runs(cluster, "tokens")]
        right = token.read_text("utf-8")
        token.write_text("wrong", encoding="utf-8")
        refused = server.alert(model="refused")
        assert (refused.status_code, "pipelines.kubeflow.org" in refused.json()["detail"]) == (502, True)
        # A renewed token counts from the next delivery.
        token.write_text(right, encoding="utf-8")
        assert server.alert(model="refused").json()["runs"][0]["started"] is True
    finally:
        server.close()
