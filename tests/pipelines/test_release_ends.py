"""Do the pipelines that end a release say no only where users must look, and touch what they are told?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@pytest.fixture(scope="session")
def compiled(build: Path) -> Any:
    def load(name: str) -> dict[str, Any]:
        text = (build / "pipelines" / f"{name}.yaml").read_text(encoding="utf-8")
        ir: dict[str, Any] = next(yaml.load_all(text, Loader=LOADER))
        return ir

    return load


def test_one_click_undoes_a_promotion_too_and_a_run_fails_only_where_that_did_not_work(compiled: Any) -> None:
    ir = compiled("roll_back_release")
    tasks = ir["root"]["dag"]["tasks"]
    assert tasks["roll-back"]["inputs"]["parameters"]["undo_promotion"]["runtimeValue"] == {"constant": True}
    # No condition: kfp.local takes one that stands alone for false, and conclude fails what was not restored itself.
    assert set(tasks) == {"roll-back", "conclude"}
    given = tasks["conclude"]["inputs"]["parameters"]
    assert given["outcome"]["taskOutputParameter"]["producerTask"] == "roll-back"
    assert given["on_refusal"]["runtimeValue"]["constant"] == "succeed"


def test_a_roll_back_needs_no_more_than_the_services_name(compiled: Any) -> None:
    parameters = compiled("roll_back_release")["root"]["inputDefinitions"]["parameters"]
    assert [name for name, it in parameters.items() if not it.get("isOptional")] == ["service"]


def test_a_sweep_can_be_scheduled_without_a_parameter(compiled: Any) -> None:
    parameters = compiled("sweep_releases")["root"]["inputDefinitions"]["parameters"]
    assert [name for name, it in parameters.items() if not it.get("isOptional")] == []


@pytest.mark.parametrize("name", ["roll_back_release", "sweep_releases"])
def test_every_parameter_is_described(compiled: Any, name: str) -> None:
    parameters = compiled(name)["root"]["inputDefinitions"]["parameters"]
    assert [parameter for parameter, it in parameters.items() if not it.get("description")] == []
