"""What names a set of predictions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kfp_lifecycle.core import scoring_plan
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.scoring_plan import ScoringPlan, load_plan, part_name, save_plan
from kfp_lifecycle.core.shards import cut

PLAN = ScoringPlan("flights", "3", "pvc://models/flights/d", "d" * 64, "t" * 64, 1000, 300, "at", "s3://scores")


@pytest.mark.parametrize(
    "change",
    [
        {"model_name": "other"},
        {"version": "4"},
        {"model_digest": "e" * 64},
        {"table_digest": "u" * 64},
        {"rows": 1001},
        {"rows_per_shard": 301},
        {"time_column": ""},
    ],
)
def test_whatever_the_predictions_depend_on_gives_another_folder(change: dict[str, object]) -> None:
    assert replace(PLAN, **change).content_key != PLAN.content_key
    assert replace(PLAN, **change).folder != PLAN.folder


def test_a_new_format_gives_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = PLAN.folder
    monkeypatch.setattr(scoring_plan, "FORMAT", 2)
    assert PLAN.folder != before


def test_where_things_lie_does_not(tmp_path: Path) -> None:
    moved = replace(PLAN, model_uri="file:///models/flights/d", output_uri="/scores")
    assert moved.folder == PLAN.folder
    assert PLAN.folder.startswith("flights-v3-")


def test_the_names_of_files_are_in_the_order_of_their_rows() -> None:
    names = [part_name(shard) for shard in cut(10**11, 10**9)]
    assert names == sorted(names) and len(set(names)) == 100


def test_a_plan_reads_back(tmp_path: Path) -> None:
    save_plan(PLAN, tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json") == PLAN


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"rows": "1000"}, {"rows": True}, {"version": 3}, {"version": None}, None],
)
def test_what_is_no_plan_of_this_version_is_refused(tmp_path: Path, change: dict[str, object] | None) -> None:
    path = tmp_path / "plan.json"
    save_plan(PLAN, path)
    content = {**json.loads(path.read_text()), **change} if change else []
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="expected the plan that shard wrote"):
        load_plan(path)
    with pytest.raises(InputError, match="expected the plan that shard wrote"):
        load_plan(tmp_path / "absent.json")
