"""What does periodic_evaluation hand from step to step?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def package(build: Path) -> dict[str, Any]:
    text = (build / "pipelines" / "periodic_evaluation.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = next(iter(yaml.safe_load_all(text)))
    return found


@pytest.fixture(scope="module")
def tasks(package: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = package["root"]["dag"]["tasks"]
    return found


def test_the_version_that_predicted_is_the_one_that_is_judged(tasks: dict[str, Any]) -> None:
    given = tasks["monitor"]["inputs"]
    producer = given["parameters"]["version"]["taskOutputParameter"]
    assert (producer["producerTask"], producer["outputParameterKey"]) == ("join", "version")
    table = given["artifacts"]["table"]["taskOutputArtifact"]
    assert (table["producerTask"], table["outputArtifactKey"]) == ("join", "predictions")


def test_the_moment_is_resolved_once(package: dict[str, Any], tasks: dict[str, Any]) -> None:
    producer = tasks["monitor"]["inputs"]["parameters"]["as_of"]["taskOutputParameter"]
    assert (producer["producerTask"], producer["outputParameterKey"]) == ("collect", "as_of")
    [start] = [it["start-retrain"] for it in dags(package) if "start-retrain" in it]
    assert start["inputs"]["parameters"]["as_of"]["componentInputParameter"] == "pipelinechannel--collect-as_of"


def test_it_is_about_performance_and_no_drift_is_tested(tasks: dict[str, Any]) -> None:
    given = tasks["monitor"]["inputs"]["parameters"]
    assert given["engine"]["runtimeValue"]["constant"] == "none"
    assert given["run_id"]["runtimeValue"]["constant"] == "{{$.pipeline_job_uuid}}"


def test_a_training_is_started_only_where_the_model_is_worse_and_a_user_wants_it(package: dict[str, Any]) -> None:
    assert package["root"]["inputDefinitions"]["parameters"]["retrain"]["defaultValue"] is False
    found = branches(package, package["root"])
    assert found == [
        ("monitor-outcome'] == 'retrain'", []),
        ("retrain'] == true", ["conclude", "start-retrain"]),
        ("not retrain'] == true", ["conclude-2"]),
        ("not monitor-outcome'] == 'retrain'", ["conclude-3"]),
    ]


def branches(package: dict[str, Any], part: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Each condition's end, with the steps right below it, the outer ones first."""
    found = []
    for task in part["dag"]["tasks"].values():
        below = package["components"][task["componentRef"]["name"]]
        if "dag" not in below:
            continue
        if condition := task.get("triggerPolicy", {}).get("condition"):
            steps = [name for name, it in below["dag"]["tasks"].items() if "dag" not in component(package, it)]
            said = condition.strip("!()").split("pipelinechannel--")[1]
            found.append((f"not {said}" if condition.startswith("!") else said, sorted(steps)))
        found += branches(package, below)
    return found


def component(package: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = package["components"][task["componentRef"]["name"]]
    return found


def test_every_end_is_concluded_once(package: dict[str, Any]) -> None:
    ends = [name for it in dags(package) for name in it if name.startswith("conclude")]
    assert len(ends) == 3


def dags(package: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks of each level."""
    parts = [package["root"], *package["components"].values()]
    return [part["dag"]["tasks"] for part in parts if "dag" in part]
