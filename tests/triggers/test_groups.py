"""One bad alert of a group keeps no other one from its run, and the sender hears the worst."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.adapters.stand_in_kfp import StandInKfp
from tests.triggers.conftest import RULES, Stage, TriggerServer, alert_group

BAD = {
    "name": "bad",
    "kind": "alertmanager",
    "match": {"labels": {"alertname": "Bad"}},
    "pipeline": "never-uploaded",
}


@pytest.fixture
def bad(stage: Stage) -> TriggerServer:
    """A server with a further rule, whose pipeline is not there."""
    stage.mapping.write_text(yaml.safe_dump({**RULES, "rules": [*RULES["rules"], BAD]}), encoding="utf-8")
    try:
        return stage.start()
    finally:
        stage.mapping.write_text(yaml.safe_dump(RULES), encoding="utf-8")


def group(*labels: dict[str, str]) -> dict[str, Any]:
    whole = alert_group()
    whole["alerts"] = [alert_group(**each)["alerts"][0] for each in labels]
    return whole


def models(kfp: StandInKfp) -> list[str]:
    return [run["runtime_config"]["parameters"]["model"] for run in kfp.runs]


def refuse(kfp: StandInKfp, statuses: dict[str, int]) -> None:
    """Answer the start of a model's run by a status."""
    plain = kfp.answer

    def answer(method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        model = body.get("runtime_config", {}).get("parameters", {}).get("model", "")
        if method == "POST" and path == "runs" and model in statuses:
            return statuses[model], {"message": f"{model} is refused"}
        return plain(method, path, query, body)

    kfp.answer = answer  # type: ignore[method-assign]


def test_the_alerts_after_a_bad_one_start_their_runs(bad: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    answer = bad.alert(group({"model": "a"}, {"alertname": "Bad"}, {"model": "b"}, {"model": "c"}))
    assert models(stand_in_kfp) == ["a", "b", "c"]
    assert answer.status_code == 422
    assert "never-uploaded" in answer.json()["detail"]
    assert "3 of 4 runs are started" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [({"a": 403}, 502), ({"a": 403, "b": 500}, 503), ({"a": 500, "b": 403}, 503)],
)
def test_of_several_failures_the_worst_is_answered(
    bad: TriggerServer, stage: Stage, stand_in_kfp: StandInKfp, statuses: dict[str, int], expected: int
) -> None:
    refuse(stand_in_kfp, statuses)
    try:
        answer = bad.alert(group({"alertname": "Bad"}, {"model": "a"}, {"model": "b"}, {"model": "c"}))
    finally:
        del stand_in_kfp.answer
    assert answer.status_code == expected
    assert ("retry-after" in answer.headers) is (expected == 503)
    assert models(stand_in_kfp) == [each for each in "abc" if each not in statuses]


def test_a_setting_that_cannot_be_used_is_503_and_tells_the_sender_no_path(
    stage: Stage, stand_in_kfp: StandInKfp, tmp_path: Path
) -> None:
    token = tmp_path / "kfp-token"
    token.write_text("a-token", encoding="utf-8")
    server = stage.start(KF_PIPELINES_SA_TOKEN_PATH=str(token))
    token.unlink()
    answer = server.alert(model="unsent")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "KF_PIPELINES_SA_TOKEN_PATH" in answer.json()["detail"]
    assert str(tmp_path) not in answer.text
    token.write_text("a-token", encoding="utf-8")
    assert server.alert(model="unsent").json()["runs"][0]["started"] is True
    assert models(stand_in_kfp) == ["unsent"]
