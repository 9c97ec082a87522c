"""Shard, score and join: each row of a table once, in order, by one version."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.components.scoring.conftest import Scene, people

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.components.scoring import scoring
from kfp_lifecycle.components.scoring.scoring import score
from kfp_lifecycle.core import row_ranges
from kfp_lifecycle.core.errors import InputError

ADDED = ["_row", "_event_time", "_model_version", "_status", "_prediction", "_score"]


def files(uri: str) -> dict[str, tuple[int, int]]:
    """The files of a folder, each with what changes when it is written anew."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in Path(uri).iterdir()}


def test_the_rows_come_back_with_their_answers(scene, monkeypatch):
    # Several batches a shard.
    monkeypatch.setattr(row_ranges, "_BATCH_ROWS", 30)
    version, frame = scene.crown(), people(250)
    found = scene.run(scene.store(frame), rows_per_shard=100)
    assert (found.rows, found.predicted, found.version) == (250, 250, version)
    assert list(found.frame.columns) == [*frame.columns, *ADDED]
    pd.testing.assert_frame_equal(found.frame[frame.columns], frame, check_dtype=False)
    assert found.frame["_row"].tolist() == list(range(250))
    assert found.frame["_model_version"].unique().tolist() == [version]
    assert (found.frame["_event_time"] == frame["at"]).all()
    assert (found.frame["_prediction"] == (found.frame["_score"] > 0.5).map({True: "true", False: "false"})).all()
    assert ((found.frame["_prediction"] == "true") == frame["late"]).mean() > 0.9
    assert found.table.metadata["digest"] == found.digest


def test_the_folder_holds_the_rows_and_a_manifest_that_readers_pass_over(scene):
    scene.crown()
    found = scene.run(scene.store(people(250)), rows_per_shard=100)
    named = sorted(path.name for path in Path(found.uri).iterdir())
    assert named == [
        "_manifest.json",
        "rows-000000000000-000000000100.parquet",
        "rows-000000000100-000000000200.parquet",
        "rows-000000000200-000000000250.parquet",
    ]
    assert pq.read_table(found.uri)["_row"].to_pylist() == list(range(250))
    manifest = json.loads((Path(found.uri) / "_manifest.json").read_text())
    assert [part["rows"] for part in manifest["parts"]] == [100, 100, 50]
    assert (manifest["rows"], manifest["digest"], manifest["version"]) == (250, found.digest, found.version)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(0, 60), count=st.integers(1, 6), seed=st.integers(0, 9))
def test_any_number_of_shards_gives_each_row_once_and_in_order(scene_once, rows, count, seed):
    frame = people(rows, seed)
    table = scene_once.store(pa.Table.from_pandas(frame, people_schema(), preserve_index=False))
    found = scene_once.run(table, rows_per_shard=max(1, -(-rows // count)))
    assert found.rows == len(found.frame) == rows
    assert found.frame["id"].tolist() == frame["id"].tolist()
    assert found.frame["_row"].tolist() == list(range(rows))
    whole = scene_once.run(table, rows_per_shard=1000)
    np.testing.assert_allclose(found.frame["_score"], whole.frame["_score"], rtol=1e-12)
    assert found.frame["_prediction"].tolist() == whole.frame["_prediction"].tolist()


@pytest.fixture
def scene_once(scene: Scene) -> Scene:
    scene.crown()
    return scene


def people_schema() -> pa.Schema:
    """Types that a frame without rows does not show."""
    return pa.Schema.from_pandas(people(3), preserve_index=False).remove_metadata()


def test_the_same_inputs_predict_nothing_and_give_the_same_digest(scene, monkeypatch):
    scene.crown()
    table = scene.store(people(250))
    first = scene.run(table, rows_per_shard=100)
    before = files(first.uri)
    monkeypatch.setattr(scoring, "load_model", lambda *_: pytest.fail("a finished shard was predicted again"))
    again = scene.run(scene.store(people(250)), rows_per_shard=100)
    assert (again.predicted, again.digest, again.uri) == (0, first.digest, first.uri)
    assert files(first.uri) == before


def test_other_rows_another_cut_and_another_version_get_a_folder_of_their_own(scene):
    scene.crown()
    table = scene.store(people(20))
    first = scene.run(table)
    assert scene.run(scene.store(people(20, 1))).uri != first.uri
    other_cut = scene.run(table, rows_per_shard=7)
    assert other_cut.uri != first.uri and other_cut.frame["id"].equals(first.frame["id"])
    scene.crown(2.0)
    newer = scene.run(table)
    assert (newer.uri != first.uri, newer.predicted, newer.version) == (True, 20, "2")
    assert scene.run(table, version="1").uri == first.uri


def test_a_champion_that_changes_between_shards_changes_nothing_of_the_run(scene):
    old, table = scene.crown(), scene.store(people(90))
    plan, shards = scene.shard(table, rows_per_shard=30)
    score(table, plan, shards[0])
    new = scene.crown(3.0)
    for each in shards[1:]:
        score(table, plan, each)
    found = scene.join(table, plan)
    assert new != old
    assert found.frame["_model_version"].unique().tolist() == [old]
    assert found.digest == scene.run(table, version=old, rows_per_shard=30, output_uri=f"{scene.output}-again").digest


def test_more_classes_and_numbers_have_scores_of_their_kind(scene):
    table = scene.store(people(50))
    scene.crown(label="size")
    classes = scene.run(table).frame
    scores = classes[["_score_0", "_score_1", "_score_2"]]
    assert np.allclose(scores.sum(axis=1), 1) and (classes["_score"] == scores.max(axis=1)).all()
    names = np.array(["large", "medium", "small"])
    assert (classes["_prediction"] == names[scores.to_numpy().argmax(axis=1)]).all()
    scene.crown(label="minutes")
    numbers = scene.run(table).frame
    assert (numbers["_prediction"] == numbers["_score"]).all()
    assert np.corrcoef(numbers["_prediction"], numbers["minutes"])[0, 1] > 0.99
    assert not [name for name in numbers if name.startswith("_score_")]


def test_a_table_without_event_time_has_predictions_without_it(scene):
    scene.crown()
    assert "_event_time" not in scene.run(scene.store(people(5)), time_column="").frame


def test_two_runs_at_the_same_time_leave_one_file_a_shard(scene):
    from concurrent.futures import ThreadPoolExecutor

    scene.crown()
    table = scene.store(people(60))
    plans = [scene.shard(table, rows_per_shard=20) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(score, table, plan, each) for plan, shards in plans for each in shards]
        assert {call.result()[0] for call in calls} == {20}
    one, two = (scene.join(table, plan) for plan, _ in plans)
    assert one.digest == two.digest and len(files(one.uri)) == 4


def test_predictions_go_to_a_bucket_as_they_go_to_disk(scene, s3):
    scene.crown()
    table = scene.store(people(50))
    found = scene.run(table, output_uri=f"{s3}/scores", rows_per_shard=20)
    assert found.uri.startswith(f"{s3}/scores/people-v1-")
    assert found.digest == scene.run(table, rows_per_shard=20).digest
    assert scene.run(table, output_uri=f"{s3}/scores", rows_per_shard=20).predicted == 0
    assert len(object_store.list_files(found.uri)) == 4


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"model_name": "strangers"}, r"model_name='strangers': expected a model with a champion in 'prod'"),
        ({"environment": "stage"}, r"model_name='people': expected a model with a champion in 'stage'"),
        ({"version": "7"}, r"version='7': expected a version of 'people'"),
        ({"version": "newest"}, r"version='newest': expected the number"),
        ({"rows_per_shard": 0}, r"rows_per_shard=0: expected a whole number from 1 up"),
        ({"rows_per_shard": 1}, r"rows_per_shard=1: expected at most 500 shards.*Write 2 or more"),
        ({"time_column": "when"}, r"time_column='when': expected a column of dates or times, found no such column"),
        ({"time_column": "id"}, r"time_column='id': expected a column of dates or times, found string"),
        ({"output_uri": "https://example.com/x"}, r"output_uri='https://example.com/x': expected a folder on disk"),
        ({"output_uri": "/scores/*"}, r"output_uri='/scores/\*': expected a folder"),
    ],
)
def test_a_wrong_parameter_is_named_before_anything_is_predicted(scene, arguments, named):
    scene.crown()
    with pytest.raises(InputError, match=named):
        scene.shard(scene.store(people(600)), **arguments)
    assert not Path(scene.output).exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda frame: frame.drop(columns="b"), r"columns='b': expected a column of the table"),
        (lambda frame: frame.assign(a=frame["id"]), r"a='string': expected values of type number"),
        (lambda frame: frame.assign(_score=1.0), r"columns='_score': expected rows without the columns of predictions"),
    ],
)
def test_rows_that_do_not_fit_the_model_are_named_before_anything_is_predicted(scene, change, named):
    scene.crown()
    with pytest.raises(InputError, match=named):
        scene.shard(scene.store(change(people(20))))


def test_another_table_and_another_shard_than_planned_are_refused(scene):
    scene.crown()
    plan, _ = scene.shard(scene.store(people(20)))
    other = scene.store(people(20, 1))
    for step in (lambda: score(other, plan, "0-20"), lambda: scene.join(other, plan)):
        with pytest.raises(InputError, match="expected the planned table"):
            step()
    for shard in ("0-19", "20-40", "all", ""):
        with pytest.raises(InputError, match=f"shard='{shard}': expected a shard of the plan"):
            score(scene.store(people(20)), plan, shard)


def test_a_changed_model_predicts_nothing(scene):
    scene.crown()
    table = scene.store(people(20))
    plan, [only] = scene.shard(table)
    [file] = (scene.folder / "models").rglob("model.skops")
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(ValueError, match=r"model\.skops was changed"):
        score(table, plan, only)
    with pytest.raises(InputError, match="expected the model with digest"):
        scene.shard(table)
    assert not Path(scene.output).exists()
