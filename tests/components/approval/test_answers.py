"""Does a canary wait for a human, and does only a word on this very release count?"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from tests.components.stage.background import in_background

from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.core import approval
from kfp_lifecycle.core.errors import InputError


def test_an_approval_by_annotation_lets_the_canary_be_promoted(waiting, approved, call):
    before = waiting.world.live()["spec"]
    with in_background(approved) as done:
        waiting.annotate(waiting.line())
    outcome, decision = done.result()
    assert outcome == "approved"
    assert decision.reasons[0].startswith("version 2 was approved by Ann Lee at 20")
    assert decision.inputs["by"] == "Ann Lee" and decision.inputs["release"] == waiting.asked()["ticket"]
    assert waiting.world.live()["spec"] == before
    held = waiting.release()
    assert (held["run_id"], held["evidence"]["approval"]["outcome"]) == ("run-2", "approved")
    # The next step may have to wait for a node.
    assert datetime.fromisoformat(held["expires_at"]) > datetime.now(UTC) + timedelta(minutes=50)
    name = waiting.registered.name
    assert (
        call(promote, service=waiting.world.service, model_name=name, version="2", timeout_seconds=10)[0] == "promoted"
    )
    assert waiting.world.champion() == "2"


def test_an_approval_by_tag_counts_too(waiting, approved):
    with in_background(approved, source="tag") as done:
        waiting.tag(waiting.line(by="bob"))
    outcome, decision = done.result()
    assert (outcome, decision.inputs["by"]) == ("approved", "bob")
    assert decision.reasons[0].endswith("by the tag kfp-lifecycle.approval in MLflow")


def test_a_rejection_ends_the_wait_and_stays_when_the_step_runs_again(waiting, approved):
    with in_background(approved) as done:
        waiting.tag(waiting.line("rejected", by="bob"))
    outcome, decision = done.result()
    assert (outcome, decision.inputs["by"]) == ("rejected", "bob")
    waiting.annotate(waiting.line())
    assert approved()[0] == "rejected"


def test_silence_means_no_and_the_reason_says_until_when(waiting, approved):
    began = time.monotonic()
    outcome, decision = approved(timeout_seconds=1)
    assert outcome == "timed_out" and 1 <= time.monotonic() - began < 60
    assert decision.reasons[0].startswith("nobody approved version 2 between ")
    assert decision.reasons[0].endswith(f" and {waiting.asked()['deadline']}, which means no")
    assert waiting.release()["finished_at"] is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": "1"}, "it is for version 1, and version 2 waits"),
        ({"ticket": "3-0123456789ab"}, "it is for release 3-0123456789ab"),
        ({"by": "  "}, "it is not of the form"),
    ],
)
def test_a_word_on_another_release_or_by_nobody_does_not_count(waiting, approved, changed, why):
    with in_background(approved, timeout_seconds=1.5) as done:
        waiting.annotate(waiting.line(**changed))
        waiting.tag(waiting.line(**changed))
    outcome, decision = done.result()
    assert outcome == "timed_out"
    assert why in decision.reasons[1] and why in decision.reasons[2]


def test_the_approval_of_an_older_release_of_the_same_version_does_not_count(waiting, approved, call, release):
    with in_background(approved) as done:
        waiting.annotate(waiting.line())
        waiting.tag(waiting.line())
    assert done.result()[0] == "approved"
    first = waiting.asked()
    assert call(roll_back, service=waiting.world.service, timeout_seconds=10)[0] == "rolled_back"
    version = waiting.registered.client.get_model_version(waiting.registered.name, "2")
    again = {
        "version": "2",
        "model_name": waiting.registered.name,
        "uri": version.tags["kfp-lifecycle.uri"],
        "digest": version.tags["kfp-lifecycle.digest"],
    }
    assert release(**again, run_id="run-3")[0] == "canary"
    outcome, decision = approved(run_id="run-3", timeout_seconds=1)
    assert outcome == "timed_out"
    second = waiting.asked()
    assert second["digest"] == first["digest"] and second["ticket"] != first["ticket"]
    assert f"it is for release {first['ticket']}" in decision.reasons[1]


def test_where_only_the_annotation_counts_a_tag_does_not(waiting, approved):
    with in_background(approved, source="annotation", timeout_seconds=1) as done:
        waiting.tag(waiting.line())
    assert done.result()[0] == "timed_out"


@pytest.fixture
def registry_away(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:hidden@127.0.0.1:9")
    monkeypatch.setattr("kfp_lifecycle.adapters.mlflow_connection.PATIENCE", 0.2)


def test_a_rejection_that_cannot_be_read_is_not_outvoted_by_an_approval_that_can(
    waiting, approved, registry_away, capsys
):
    with in_background(approved, timeout_seconds=2) as done:
        waiting.tag(waiting.line("rejected", by="bob"))
        waiting.annotate(waiting.line())
    outcome, decision = done.result()
    assert outcome == "timed_out"
    assert "the tags of version 2 cannot be read" in decision.reasons[1]
    said = capsys.readouterr().out
    assert "nothing is approved while a rejection may stand there" in said and "hidden" not in said


def test_a_rejection_by_annotation_counts_while_the_registry_is_away(waiting, approved, registry_away):
    with in_background(approved) as done:
        waiting.annotate(waiting.line("rejected"))
    assert done.result()[0] == "rejected"


def test_an_approval_counts_once_the_registry_is_back(waiting, approved, monkeypatch, capsys):
    there = os.environ["MLFLOW_TRACKING_URI"]
    monkeypatch.setattr("kfp_lifecycle.adapters.mlflow_connection.PATIENCE", 0.2)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with in_background(approved) as done:
        waiting.annotate(waiting.line())
        deadline, said = time.monotonic() + 20, ""
        while "cannot be read" not in said and time.monotonic() < deadline:
            said += capsys.readouterr().out
            time.sleep(0.02)
        assert not done.done()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", there)
    assert done.result()[0] == "approved"


def test_where_no_registry_is_named_the_annotation_alone_decides(waiting, approved, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with in_background(approved) as done:
        waiting.annotate(waiting.line())
    assert done.result()[0] == "approved"
    assert "in MLflow" not in capsys.readouterr().out


def test_an_answer_that_backdates_itself_does_not_count_when_the_step_was_down_at_the_deadline(waiting, approved):
    with in_background(approved, timeout_seconds=0.3, source="annotation", check_seconds=0.05) as done:
        asked = waiting.asked()
    assert done.result()[0] == "timed_out"
    record = waiting.world.call("GET", waiting.path)
    _forget_the_end(waiting, record)
    early = datetime.fromisoformat(asked["deadline"]) - timedelta(milliseconds=100)
    waiting.annotate(f"{waiting.line()} at {early.isoformat()}")
    outcome, decision = approved()
    assert outcome == "timed_out"
    assert "it was not seen before" in decision.reasons[1]


def test_an_answer_shortly_before_the_deadline_is_seen_however_rarely_the_step_looks(waiting, approved):
    with in_background(approved, timeout_seconds=4, source="annotation", check_seconds=3600) as done:
        waiting.asked()
        waiting.annotate(waiting.line())
    assert done.result()[0] == "approved"


def test_where_nobody_is_to_be_asked_nothing_is_read_or_written(waiting, approved):
    waiting.world.proxy.writes.seen.clear()
    before = waiting.world.record()
    outcome, decision = approved(source="none")
    assert (outcome, decision.reasons) == ("approved", ("no approval was asked for",))
    assert "by" not in decision.inputs and decision.inputs["source"] == "none"
    assert waiting.world.record() == before and waiting.world.proxy.writes.seen == []


def test_the_log_tells_how_to_answer(waiting, approved, capsys):
    approved(timeout_seconds=0.5)
    said = capsys.readouterr().out
    ticket = waiting.asked()["ticket"]
    assert f"kfp-lifecycle approve --service {waiting.world.service} --version 2 --namespace team --by NAME" in said
    assert said.count(f"approved version 2 release {ticket} by NAME") == 2


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("service", "No_Name"),
        ("version", "v2"),
        ("version", "1"),
        ("source", "slack"),
        ("timeout_seconds", 0),
        ("timeout_seconds", 7 * 86400 + 1),
        ("check_seconds", 0),
        ("check_seconds", 7 * 86400 + 1),
        ("namespace", "nowhere"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named_and_nothing_is_written(waiting, approved, parameter, value):
    before = waiting.world.record()
    with pytest.raises(InputError) as caught:
        approved(**{parameter: value})
    assert str(caught.value).startswith(f"{parameter}=")
    assert waiting.world.record() == before


def _forget_the_end(waiting, found) -> None:
    """As if the step had died before it could write that nobody came."""
    record = json.loads(found["data"]["record.json"])
    record["releases"][-1]["evidence"][approval.EVIDENCE] |= {"outcome": "", "reasons": []}
    waiting.world.call("PUT", waiting.path, {**found, "data": {"record.json": json.dumps(record)}})
