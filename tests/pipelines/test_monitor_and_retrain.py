"""Is the loop wired as its page says?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.core import pipeline_inputs
from kfp_lifecycle.core.schedules import read_schedules

ROOT = Path(__file__).parents[2]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@pytest.fixture(scope="module")
def ir(build: Path) -> dict[str, Any]:
    text = (build / "pipelines" / "monitor_and_retrain.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = next(iter(yaml.load_all(text, Loader=LOADER)))
    return found


def tasks(ir: dict[str, Any]) -> dict[str, Any]:
    """Every task of every level, by name."""
    dags = [ir["root"]["dag"], *(each["dag"] for each in ir["components"].values() if "dag" in each)]
    return {name: task for dag in dags for name, task in dag["tasks"].items()}


def test_a_training_is_started_only_where_the_monitor_asks_for_it(ir: dict[str, Any]) -> None:
    conditions = {
        task["componentRef"]["name"]: task["triggerPolicy"]["condition"]
        for task in tasks(ir).values()
        if task.get("triggerPolicy", {}).get("condition")
    }
    [asked] = [
        name
        for name, each in ir["components"].items()
        if "start-retrain" in each.get("dag", {}).get("tasks", {})
    ]  # fmt: skip
    assert conditions[asked] == "inputs.parameter_values['pipelinechannel--monitor-outcome'] == 'retrain'"
    assert len(conditions) == 2, "and what is said otherwise is concluded, too"


def test_the_moment_is_resolved_once_and_passed_on(ir: dict[str, Any]) -> None:
    def as_of(task: str) -> dict[str, Any]:
        found: dict[str, Any] = tasks(ir)[task]["inputs"]["parameters"]["as_of"]
        return found

    assert as_of("collect") == {"componentInputParameter": "pipelinechannel--as_of"}
    resolved = {"outputParameterKey": "as_of", "producerTask": "collect"}
    assert as_of("monitor") == {"taskOutputParameter": resolved}
    assert as_of("start-retrain") == {"componentInputParameter": "pipelinechannel--collect-as_of"}


def test_the_runs_id_makes_a_second_try_hear_the_first_ones_answer(ir: dict[str, Any]) -> None:
    given = tasks(ir)["start-retrain"]["inputs"]["parameters"]["run_id"]
    assert given == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}


def test_no_side_effect_is_cached(ir: dict[str, Any]) -> None:
    cached = {name for name, task in tasks(ir).items() if task.get("cachingOptions", {}).get("enableCache")}
    assert not cached & {"collect", "monitor", "start-retrain", "conclude", "conclude-2", "notify"}


def test_it_fits_into_kfps_objects(build: Path) -> None:
    text = (build / "pipelines" / "monitor_and_retrain.yaml").read_text(encoding="utf-8")
    documents = list(yaml.load_all(text, Loader=LOADER))
    assert len(json.dumps(documents, separators=(",", ":"))) < 170_000


def test_the_examples_parameters_are_those_of_both_pipelines(ir: dict[str, Any], build: Path) -> None:
    declared = read_schedules(ROOT / "examples" / "schedules.yaml")
    [schedule] = [it for it in declared.schedules if it.name == "flights-monitor"]
    found = pipeline_inputs.arguments(schedule.parameters, pipeline_inputs.declared(ir), schedule.pipeline)
    assert schedule.pipeline == ir["pipelineInfo"]["name"]
    started = (build / "pipelines" / f"{found['pipeline'].replace('-', '_')}.yaml").read_text(encoding="utf-8")
    inputs = pipeline_inputs.declared(next(iter(yaml.load_all(started, Loader=LOADER))))
    offered = {"as_of": "2026-01-01", "model_name": found["model_name"], "environment": "prod"}
    pipeline_inputs.arguments({**offered, **json.loads(found["parameters"])}, inputs, found["pipeline"])
