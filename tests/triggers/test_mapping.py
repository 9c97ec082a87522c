"""The mapping file is strict, and says where it is wrong."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.triggers.conftest import RULES

from kfp_lifecycle.core import pipeline_inputs
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.triggers import mapping
from kfp_lifecycle.triggers.events import Event, Kind

ROOT = Path(__file__).parents[2]


def load(folder: Path, content: Any) -> tuple[mapping.Rule, ...]:
    path = folder / "triggers.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return mapping.load(path)


def changed(**values: Any) -> dict[str, Any]:
    content = copy.deepcopy(RULES)
    content["rules"][0].update(values)
    return content


def alert(type: str = "firing", source: str = "kfp", **labels: str) -> Event:
    return Event(Kind.ALERTMANAGER, source, type, {"alertname": "Drift", **labels}, {})


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("", "triggers.yaml:1"),
        ("[]", "triggers.yaml:1"),
        ({"version": 1, "rules": []}, "rules"),
        ({**RULES, "version": 2}, "version"),
        ({**RULES, "more": 1}, "more"),
        (changed(name="Not A Name"), "rules[0].name"),
        (changed(name="new-data"), "rules[1].name"),
        (changed(kind="pagerduty"), "rules[0].kind"),
        (changed(match={"label": {}}), "rules[0].match.label"),
        (changed(match={"labels": {"a": 1}}), "rules[0].match.labels.a"),
        (changed(pipeline=""), "rules[0].pipeline"),
        (changed(comment="x"), "rules[0].comment"),
        (changed(once_key="always"), "rules[0].once_key"),
        (changed(once_key="{lables.model}"), "rules[0].once_key"),
        (changed(once_key="{data.model}"), "rules[0].once_key"),
        (changed(parameters={"model": "{labels.model"}), "rules[0].parameters.model"),
        ("version: 1\nversion: 1\nrules: []\n", "triggers.yaml:2"),
    ],
)
def test_a_wrong_file_names_line_and_place(tmp_path: Path, content: Any, place: str) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, content)
    assert place in str(refused.value)


def test_the_example_and_the_manifests_mapping_fit_the_pipeline_that_they_start(tmp_path: Path) -> None:
    from google.protobuf.json_format import MessageToDict

    from kfp_lifecycle.pipelines.train_and_release import train_and_release

    spec = MessageToDict(train_and_release.pipeline_spec)
    inputs = pipeline_inputs.declared(spec)
    shipped = yaml.safe_load_all((ROOT / "kserve" / "manifests" / "trigger-server.yaml").read_text("utf-8"))
    [text] = [each["data"]["triggers.yaml"] for each in shipped if each["kind"] == "ConfigMap"]
    rules = [*mapping.load(ROOT / "examples" / "triggers.yaml"), *load(tmp_path, text)]
    assert len(rules) == 3
    for rule in rules:
        assert rule.pipeline == spec["pipelineInfo"]["name"]
        # Texts in the place of lookups: what is checked are names, what is required, and the other types.
        pipeline_inputs.arguments(dict.fromkeys(rule.parameters, "x"), inputs, rule.pipeline)


def test_the_first_rule_that_fits_is_taken(tmp_path: Path) -> None:
    content = changed()
    content["rules"].insert(1, {**content["rules"][0], "name": "later"})
    rules = load(tmp_path, content)
    found = mapping.choose(rules, alert())
    assert found is not None
    assert found.name == "drift"


def test_an_alert_counts_only_while_it_fires_unless_the_rule_says_otherwise(tmp_path: Path) -> None:
    rules = load(tmp_path, RULES)
    assert mapping.choose(rules, alert("resolved")) is None
    assert mapping.is_known(rules, alert("resolved"))
    rules = load(tmp_path, changed(match={"type": "resolved"}))
    assert mapping.choose(rules, alert("resolved")) is not None
    assert mapping.choose(rules, alert("firing")) is None


def test_every_label_of_a_rule_has_to_agree(tmp_path: Path) -> None:
    rules = load(tmp_path, changed(match={"labels": {"alertname": "Drift", "team": "a"}}))
    assert mapping.choose(rules, alert(team="a", more="x")) is not None
    assert mapping.choose(rules, alert(team="b")) is None
    assert mapping.choose(rules, alert()) is None


def test_an_event_of_one_kind_never_fits_a_rule_of_the_other(tmp_path: Path) -> None:
    event = Event(Kind.CLOUDEVENTS, "kfp", "firing", {"alertname": "Drift"}, {})
    assert mapping.choose(load(tmp_path, RULES), event) is None
