"""An event that asks for a retrain is held by the limits of its model, and what it says is checked."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cloudevents.core.bindings import http as bindings
from cloudevents.core.v1.event import CloudEvent
from tests.adapters.stand_in_kfp import StandInKfp
from tests.triggers.conftest import RULES, TriggerServer

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.triggers import deliveries, mapping
from kfp_lifecycle.triggers.events import Event, Kind

WINDOW = "2026-01-01/2026-01-08"


def degraded(server: TriggerServer, model: str, window: Any = WINDOW, id: str = "1", **data: Any) -> httpx.Response:
    attributes = {"type": "com.example.degraded", "source": "/watch", "id": id}
    event = CloudEvent(attributes, {"model": model, "window": window, "stage": "prod", **data})
    message = bindings.to_structured_event(event)
    return server.client.post("/cloudevents", content=message.body, headers=message.headers)


def test_one_window_starts_one_run_whatever_the_events_are_called(
    server: TriggerServer, stand_in_kfp: StandInKfp
) -> None:
    first = degraded(server, "first")
    again = degraded(server, "first", "P7D/2026-01-08T00:00:00+00:00", id="2")
    assert (first.status_code, again.status_code) == (202, 202)
    [run] = first.json()["runs"]
    assert (run["rule"], run["started"]) == ("degraded", True)
    assert again.json()["runs"] == [{**run, "started": False}]
    assert [each["run_id"] for each in stand_in_kfp.runs] == [run["run_id"]]


def test_a_retrain_that_is_held_is_told_and_is_no_error(server: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    degraded(server, "held")
    later = degraded(server, "held", "2026-01-02/2026-01-09")
    assert later.status_code == 200
    assert later.json()["runs"] == []
    assert [(each["rule"], each["outcome"]) for each in later.json()["held"]] == [("degraded", "already_running")]
    stand_in_kfp.runs[0]["state"] = "SUCCEEDED"
    [held] = degraded(server, "held", "2026-01-02/2026-01-09").json()["held"]
    assert held["outcome"] == "cooling_down"
    assert "2026-01-15T00:00:00Z" in held["reason"]
    # Another environment, and a week later, are free.
    assert degraded(server, "held", "2026-01-02/2026-01-09", stage="staging").status_code == 202
    assert degraded(server, "held", "2026-01-08/2026-01-15").status_code == 202
    assert len(stand_in_kfp.runs) == 3


@pytest.mark.parametrize(
    ("model", "window", "data"),
    [
        ("a/b", WINDOW, {}),
        ("", WINDOW, {}),
        ("m", "P7D", {}),
        ("m", "", {}),
        ("m", "2026-01-08/2026-01-01", {}),
        ("m", None, {}),
        ("m", ["2026"], {}),
        ("m", WINDOW, {"stage": "../prod"}),
    ],
)
def test_what_cannot_be_retrained_for_is_malformed(
    server: TriggerServer, stand_in_kfp: StandInKfp, model: str, window: Any, data: dict[str, Any]
) -> None:
    answer = degraded(server, model, window, **data)
    assert (answer.status_code, stand_in_kfp.runs) == (400, []), answer.text


def changed(folder: Path, **values: Any) -> tuple[mapping.Rule, ...]:
    content = copy.deepcopy(RULES)
    rule = content["rules"][-1]
    rule["retrain"].update(values.pop("retrain", {}))
    rule.update(values)
    path = folder / "triggers.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return mapping.load(path)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"once_key": "{data.model}"}, "rules[3].once_key"),
        ({"retrain": {"window": "2026-01-01/2026-01-08"}}, "rules[3].retrain.window"),
        ({"retrain": {"window": "{labels.window}}"}}, "rules[3].retrain.window"),
        ({"retrain": {"window": "{annotations.window}"}}, "rules[3].retrain.window"),
        ({"retrain": {"environment": "Prod"}}, "rules[3].retrain.environment"),
        ({"retrain": {"trigger": "a b"}}, "rules[3].retrain.trigger"),
        ({"retrain": {"cooldown": "a week"}}, "rules[3].retrain.cooldown"),
        ({"retrain": {"budget": 0}}, "rules[3].retrain.budget"),
        ({"retrain": {"budget": "4"}}, "rules[3].retrain.budget"),
        ({"retrain": {"max_runing": 1}}, "rules[3].retrain.max_runing"),
    ],
)
def test_a_wrong_block_names_its_place(tmp_path: Path, values: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError) as refused:
        changed(tmp_path, **values)
    assert place in str(refused.value)


def test_the_events_moment_is_the_end_of_its_window_unless_the_rule_says_otherwise(tmp_path: Path) -> None:
    data = {"model": "m", "window": WINDOW, "stage": "prod", "at": "2026-01-20"}
    event = Event(Kind.CLOUDEVENTS, "/watch", "com.example.degraded", {}, {"data": data, "source": "/watch", "id": "1"})
    moments = []
    for values in ({}, {"retrain": {"as_of": "{data.at}"}}):
        [wanted] = deliveries.read(changed(tmp_path, **values), [event]).wanted
        assert wanted.cause
        assert wanted.key == "m/prod/drift/2026-01-01T00:00:00Z/2026-01-08T00:00:00Z"
        moments.append(f"{wanted.cause.as_of:%Y-%m-%d}")
    assert moments == ["2026-01-08", "2026-01-20"]
