"""Is the end of a run told as it was, and does no receiver and no fault fail the step?"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
from tests.adapters.receiver import Behaviour, Receiver, answering, hanging, raw
from tests.components.stage.background import in_background
from tests.components.stage.registered import File

from kfp_lifecycle.adapters import webhooks
from kfp_lifecycle.components.approval.approval import approve
from kfp_lifecycle.components.conclusion.conclusion import Refused, conclude
from kfp_lifecycle.components.notification.notification import notify
from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.decision import Decision, save_decision

TAKES = answering("200 OK", body=b"ok")


@dataclass
class Status:
    """What KFP hands to an exit task."""

    state: str = "FAILED"
    error_message: str | None = None


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Receiver]]:
    monkeypatch.setattr(webhooks, "_LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(webhooks, "TRY_SECONDS", 0.5)
    made: list[Receiver] = []

    def make(*behaviours: Behaviour) -> Receiver:
        made.append(Receiver(*behaviours))
        monkeypatch.setenv(settings.WEBHOOK_URL, made[-1].url)
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def told(world, call, receiver) -> Callable[..., dict[str, Any]]:
    """Notify, and what the receiver got."""

    def run(**arguments: Any) -> dict[str, Any]:
        there = receiver(TAKES)
        values = {"status": Status(), "service": world.service, "run_id": "run-2", "timeout_seconds": 10}
        assert call(notify, **{**values, **arguments})[0] == "sent"
        [(_, _, body)] = there.requests
        content: dict[str, Any] = json.loads(body)
        return content

    return run


@pytest.fixture
def canary(registered, release) -> dict[str, str]:
    release(**registered.version(), run_id="run-1")
    second: dict[str, str] = registered.version()
    assert release(**second, run_id="run-2")[0] == "canary"
    return second


def test_a_run_that_promoted_is_told_with_its_version(world, registered, canary, call, told):
    named = {"service": world.service, "model_name": registered.name, "version": "2"}
    assert call(promote, **named, timeout_seconds=10, run_id="run-2")[0] == "promoted"
    content = told(status=Status("SUCCEEDED"), take_off=True, run_name="nightly")
    assert (content["outcome"], content["state"]) == ("promoted", "SUCCEEDED")
    assert (content["version"], content["champion"], content["model"]) == ("2", "1", registered.name)
    assert (content["namespace"], content["environment"], content["run_name"]) == ("team", "prod", "nightly")
    assert world.champion() == "2"
    assert told(run_id="run-1", status=Status("SUCCEEDED"))["outcome"] == "first_release"


def test_a_rejection_is_told_with_who_said_no(world, canary, call, told):
    def reject() -> None:
        from kfp_lifecycle.adapters.approvals import write_annotation
        from kfp_lifecycle.adapters.kubernetes_connection import connect
        from kfp_lifecycle.core.approval import Verdict

        while not world.record()["releases"][-1]["evidence"].get("approval"):
            pass
        write_annotation(connect(), world.service, "team", "2", Verdict.REJECTED, "bob")

    with in_background(reject):
        held = {"service": world.service, "version": "2", "run_id": "run-2", "check_seconds": 0.1}
        assert call(approve, **held, source="annotation")[0] == "rejected"
    assert call(roll_back, service=world.service, run_id="run-2", timeout_seconds=10)[0] == "rolled_back"
    content = told()
    assert content["outcome"] == "rolled_back"
    assert content["reason"].startswith("version 2 was rejected by bob at ")


def test_a_release_that_was_left_open_is_taken_off_first_where_asked(world, canary, told):
    content = told()
    assert (content["outcome"], content["notes"]) == ("left_open", [])
    assert world.live()["spec"]["canary"]
    content = told(take_off=True)
    assert content["outcome"] == "rolled_back"
    assert content["reason"] == "its run ended without a verdict"
    assert "answered its example" in content["notes"][0]
    assert world.champion() == "1"


def test_the_release_of_another_run_is_neither_told_nor_touched(world, canary, told):
    content = told(run_id="run-9", take_off=True, status=Status("FAILED", "Task train failed."))
    assert (content["outcome"], content["reason"], content["version"]) == ("failed", "Task train failed.", "")
    assert world.live()["spec"]["canary"]


@pytest.mark.parametrize("on_refusal", ["fail", "succeed"])
def test_a_gate_that_refused_before_any_release_is_told_with_its_first_reason(call, told, tmp_path, on_refusal):
    saved = File(str(tmp_path / "saved.json"))
    save_decision(
        Decision(StrEnum("Outcome", {"it": "too_few_rows"}).it, ["150 rows", "200 are asked for"]), saved.path
    )
    for run in ("run-2", "run-3"):
        with suppress(Refused):
            conclude("evaluate", "too_few_rows", saved, on_refusal=on_refusal, run_id=run)
    content = told(status=Status("SUCCEEDED" if on_refusal == "succeed" else "FAILED", "Task exit-handler-1 failed."))
    assert content["outcome"] == "refused"
    assert content["reason"] == "evaluate answered too_few_rows: 150 rows; 200 are asked for"


def test_a_conclusion_without_a_cluster_ends_as_its_decision_says(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    saved = File(str(tmp_path / "saved.json"))
    save_decision(Decision(StrEnum("Outcome", {"it": "pass"}).it, ["well"]), saved.path)
    assert conclude("evaluate", "pass", saved, run_id="run-2") == ("pass",)
    assert "no note was kept for the message on this run" in capsys.readouterr().out


def test_a_run_without_a_service_is_told_by_kfps_word(call, receiver, monkeypatch):
    there = receiver(TAKES)
    assert call(notify, status=Status("SUCCEEDED"), run_id="r", run_name="weekly")[0] == "sent"
    content = json.loads(there.requests[0][2])
    assert (content["outcome"], content["service"], content["run_name"]) == ("succeeded", "", "weekly")


@pytest.mark.parametrize("form", ["slack", "cloudevents"])
def test_the_format_is_a_setting(call, receiver, monkeypatch, form):
    monkeypatch.setenv(settings.WEBHOOK_FORMAT, form)
    there = receiver(TAKES)
    assert call(notify, status=Status(), run_id="r")[0] == "sent"
    _, headers, body = there.requests[0]
    assert ("text" in json.loads(body)) is (form == "slack")
    assert headers["content-type"] == ("application/json" if form == "slack" else "application/cloudevents+json")


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (answering("500 Oops"), "HTTP 500, in 4 tries"),
        (answering("302 There", "Location: /"), "a redirection is not followed"),
        (hanging, "did not answer within 0.5 s"),
        (raw(b""), "cannot be talked to"),
        (raw(b"\xff" * 100), "cannot be talked to"),
    ],
)
def test_no_receiver_fails_the_step_and_its_address_is_written_nowhere(
    call, receiver, caplog, capsys, tmp_path, behaviour, why
):
    there = receiver(behaviour)
    with caplog.at_level(logging.DEBUG):
        outcome, decision = call(notify, status=Status(), run_id="r")
    assert outcome == "not_delivered"
    assert why in decision.reasons[0]
    said = caplog.text + capsys.readouterr().out + str(decision)
    said += "".join(
        path.read_text() for path in tmp_path.rglob("*") if path.is_file() and path.suffix in (".json", ".html")
    )
    assert "s3cret" not in said and there.url not in said


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        (settings.WEBHOOK_URL, "", "KFP_LIFECYCLE_WEBHOOK_URL is not set"),
        (settings.WEBHOOK_URL, "hooks.example.com/s3cret", "is no http or https address"),
        (
            settings.WEBHOOK_FORMAT,
            "teams",
            "KFP_LIFECYCLE_WEBHOOK_FORMAT is 'teams', none of webhook, slack, cloudevents",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_and_fails_nothing(call, monkeypatch, name, value, why):
    monkeypatch.setenv(settings.WEBHOOK_URL, "http://127.0.0.1:9/s3cret")
    monkeypatch.setenv(name, value)
    outcome, decision = call(notify, status=Status(), run_id="r")
    assert outcome == "not_sent" and why in decision.reasons[0] and "s3cret" not in str(decision)


@pytest.mark.parametrize(
    ("name", "value", "outcome", "why"),
    [
        (settings.WEBHOOK_URL, "http://host:99999/s3cret", "not_sent", "is no http or https address"),
        ("SSL_CERT_FILE", "/missing/s3cret", "not_delivered", "cannot be used (FileNotFoundError)"),
        ("ALL_PROXY", "socks5://s3cret@host", "not_delivered", "cannot be used (ImportError)"),
        ("NO_PROXY", "[::1", "not_delivered", "cannot be used (InvalidURL)"),
    ],
)
def test_an_environment_that_nothing_can_be_sent_in_fails_nothing(call, monkeypatch, name, value, outcome, why):
    monkeypatch.setenv(settings.WEBHOOK_URL, "http://127.0.0.1:9/s3cret")
    monkeypatch.setenv(name, value)
    found, decision = call(notify, status=Status(), run_id="r")
    assert (found, why in decision.reasons[0]) == (outcome, True) and "s3cret" not in str(decision)


def test_what_nobody_thought_of_fails_nothing_and_is_told_by_its_type_only(call, receiver, monkeypatch, capsys):
    there = receiver(TAKES)

    def group(url: str, *_: object) -> None:
        raise ExceptionGroup(f"cannot connect to {url}", [OverflowError(url)])

    monkeypatch.setattr(webhooks, "deliver", group)
    outcome, decision = call(notify, status=Status(), run_id="r")
    assert outcome == "not_delivered"
    assert decision.reasons[0] == "the message could not be sent (ExceptionGroup)"
    assert there.url not in str(decision) + capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"namespace": "nowhere"}, "the release record cannot be read: Forbidden"),
        ({"service": "No_Name"}, "could not be taken off, the sweep will: InputError: service='No_Name'"),
        ({"timeout_seconds": 0}, "could not be taken off, the sweep will: InputError: timeout_seconds=0"),
    ],
)
def test_what_goes_wrong_on_the_way_is_told_too(world, canary, told, changed, note):
    content = told(take_off=True, **changed)
    assert any(note in each for each in content["notes"]), content["notes"]


def test_a_secret_in_a_reason_does_not_reach_the_receiver(call, receiver, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    there = receiver(TAKES)
    failed = Status("FAILED", "cannot read https://ann:pw@host with hunter2hunter2")
    assert call(notify, status=failed, run_id="r")[0] == "sent"
    assert json.loads(there.requests[0][2])["reason"] == "cannot read https://***@host with ***"
