"""A batch prediction that is killed at any moment goes on where it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.components.scoring.conftest import people

from kfp_lifecycle.components.scoring import scoring
from kfp_lifecycle.components.scoring.scoring import score
from kfp_lifecycle.core import row_ranges

# Scores one shard after the other, and is killed in the middle of the second.
CODE = """
import os, signal, sys
from dataclasses import make_dataclass
from kfp_lifecycle.components.scoring import scoring
from kfp_lifecycle.core import row_ranges
Artifact = make_dataclass("Artifact", ["path", "uri", "metadata"])
table, plan, moment, *shards = sys.argv[1:]
row_ranges._BATCH_ROWS = 50
def killed(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
predict, put, seen = scoring.scored_batch, scoring.object_store.create_from, []
def counted(*given):
    seen.append(given)
    # Two batches a shard: this is the second of the second.
    return killed() if moment == "predicting" and len(seen) == 4 else predict(*given)
def putting(uri, *given):
    if moment == "before the file" and "rows-000000000100" in uri:
        killed()
    made = put(uri, *given)
    if moment == "after the file" and "rows-000000000100" in uri:
        killed()
    return made
scoring.scored_batch, scoring.object_store.create_from = counted, putting
for shard in shards:
    print(shard, scoring.score(Artifact(table, "", {}), Artifact(plan, "", {}), shard), flush=True)
"""


@pytest.mark.parametrize(("moment", "finished"), [("predicting", 1), ("before the file", 1), ("after the file", 2)])
def test_a_killed_run_goes_on_without_predicting_a_finished_shard_again(scene, monkeypatch, moment, finished):
    # A linear model's last digits depend on how many rows it gets at once.
    monkeypatch.setattr(row_ranges, "_BATCH_ROWS", 50)
    scene.crown()
    table = scene.store(people(250))
    plan, shards = scene.shard(table, rows_per_shard=100)
    ran = subprocess.run(
        [sys.executable, "-c", CODE, table.path, plan.path, moment, *shards],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert "0-100 (100, 100)" in ran.stdout and "100-200 (" not in ran.stdout
    [folder] = Path(scene.output).iterdir()
    kept = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.parquet")}
    assert len(kept) == finished

    loaded, load = [], scoring.load_model
    monkeypatch.setattr(scoring, "load_model", lambda *given: loaded.append(given) or load(*given))
    found = scene.run(table, rows_per_shard=100)
    assert len(loaded) == 3 - finished
    assert found.predicted == 250 - 100 * finished
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept} == kept
    assert found.frame["id"].tolist() == people(250)["id"].tolist()
    assert len(list(folder.glob("*.parquet"))) == 3
    undisturbed = scene.run(table, rows_per_shard=100, output_uri=f"{scene.output}-undisturbed")
    assert found.digest == undisturbed.digest


def test_a_step_that_is_tried_again_answers_as_if_it_had_come_first(scene):
    scene.crown()
    table = scene.store(people(20))
    plan, [only] = scene.shard(table)
    assert [score(table, plan, only) for _ in range(2)] == [(20, 20), (20, 0)]
    first, second = scene.join(table, plan), scene.join(table, plan)
    assert (first.digest, first.rows) == (second.digest, second.rows)
