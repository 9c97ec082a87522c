"""Is a message what its receiver expects, and free of what it must not hold?"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.notification.message import (
    EVENT,
    Format,
    Message,
    envelope,
    fit_to_send,
    slack_escaped,
    slack_text,
)
from kfp_lifecycle.core.run_ending import RunEnding, RunOutcome

AT = datetime(2026, 11, 24, 10, tzinfo=UTC)


def message(reason: str = "no worse", **changed: object) -> Message:
    ending = RunEnding(RunOutcome.PROMOTED, reason, "2", "1", "churn", "prod")
    values = {"run_id": "r-1", "run_name": "nightly", "state": "SUCCEEDED", "ending": ending, "service": "churn",
              "namespace": "team", "notes": (), "at": AT}  # fmt: skip
    return Message(**{**values, **changed})  # type: ignore[arg-type]


def test_a_plain_webhook_gets_json_with_every_key() -> None:
    sent = envelope(message(), Format.WEBHOOK)
    assert sent.content_type == "application/json"
    assert json.loads(sent.body) == {
        "event": EVENT,
        "outcome": "promoted",
        "reason": "no worse",
        "version": "2",
        "champion": "1",
        "model": "churn",
        "environment": "prod",
        "run_id": "r-1",
        "run_name": "nightly",
        "state": "SUCCEEDED",
        "service": "churn",
        "namespace": "team",
        "notes": [],
        "at": "2026-11-24T10:00:00Z",
    }
    bare = message(ending=RunEnding(RunOutcome.FAILED, ""), run_id="", run_name="", service="", namespace="")
    assert set(json.loads(envelope(bare, Format.WEBHOOK).body)) == set(json.loads(sent.body))


def test_a_cloud_event_can_be_read_by_the_official_library_and_keeps_its_id() -> None:
    sent = envelope(message(), Format.CLOUDEVENTS)
    assert sent.content_type == "application/cloudevents+json"
    event = from_structured(HTTPMessage({"content-type": sent.content_type}, sent.body), JSONFormat())
    assert (event.get_type(), event.get_source(), event.get_id()) == (
        EVENT,
        "/kfp-lifecycle/team/churn",
        "r-1-promoted",
    )
    assert (event.get_subject(), event.get_time(), event.get_specversion()) == ("r-1", AT, "1.0")
    data = event.get_data()
    assert isinstance(data, dict) and data["outcome"] == "promoted"


@pytest.mark.parametrize("form", Format)
@given(text=st.text(max_size=80))
def test_no_text_breaks_a_format(form: Format, text: str) -> None:
    bare = message(text.encode("utf-8", "replace").decode(), run_id="", service="", run_name=text)
    assert json.loads(envelope(bare, form).body)


def test_slack_gets_one_text_with_the_outcome_and_the_first_reason() -> None:
    sent = envelope(message(notes=("all is well",)), Format.SLACK)
    assert json.loads(sent.body) == {
        "text": ":white_check_mark: *team/churn*: version 2 promoted\n> no worse\n> all is well\n"
        "_run nightly succeeded_"
    }
    failed = message("the judge said so", state="FAILED", ending=RunEnding(RunOutcome.ROLLED_BACK, "errors", "2"))
    assert slack_text(failed).startswith(":warning: *team/churn*: version 2 rolled back\n> errors")


@given(st.text())
def test_what_others_wrote_cannot_call_anybody_in_slack(text: str) -> None:
    escaped = slack_escaped(text)
    assert "<" not in escaped and ">" not in escaped and "\n" not in escaped
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", escaped)
    assert escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == " ".join(text.split())


def test_a_link_and_a_call_are_only_shown() -> None:
    said = slack_text(message("<!channel> see <https://evil.example|here> & now\n> quoted", run_name="<@U1>"))
    assert "> &lt;!channel&gt; see &lt;https://evil.example|here&gt; &amp; now &gt; quoted" in said
    assert "<" not in said


def test_secrets_and_credentials_of_addresses_are_taken_out_and_texts_are_cut() -> None:
    said = fit_to_send("at http://ann:pw1@host and hunter22, not abc", ["hunter22", "hunter2", "", "abc"])
    assert said == "at http://***@host and ***, not abc"
    assert len(fit_to_send("x" * 5000, [])) == 600
