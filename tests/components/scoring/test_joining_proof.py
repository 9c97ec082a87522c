"""Join accepts nothing but each row once and in order."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.components.scoring.conftest import people

from kfp_lifecycle.components.joining import proof
from kfp_lifecycle.components.scoring.scoring import score
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.parts import PartWriter


@pytest.fixture
def predicted(scene):
    """A table, its plan and the folder of its shards, which lacks only the manifest."""
    scene.crown()
    table = scene.store(people(60))
    plan, shards = scene.shard(table, rows_per_shard=20)
    for each in shards:
        score(table, plan, each)
    [folder] = Path(scene.output).iterdir()
    return scene, table, plan, folder


def rewrite(part: Path, rows: pa.Table) -> None:
    """Write the file anew, as ``score`` would have written these rows."""
    part.unlink()
    with PartWriter(part.parent, rows.schema, single=True, sealed=True) as writer:
        writer.write(rows)
    [name] = writer.sizes
    (part.parent / name).rename(part)


def changed(name, value):
    def change(rows: pa.Table) -> pa.Table:
        return rows.set_column(rows.schema.get_field_index(name), name, value(rows[name]))

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows.slice(1), "it holds 19 rows"),
        (lambda rows: pa.concat_tables([rows, rows.slice(19)]), "it holds 21 rows"),
        (lambda rows: rows.take([1, 0, *range(2, 20)]), "the rows' numbers are others"),
        (lambda rows: pa.concat_tables([rows.slice(0, 19), rows.slice(0, 1)]), "the rows' numbers are others"),
        (changed("_row", lambda column: pc.add(column, 1)), "the rows' numbers are others"),
        (changed("id", lambda column: column.take([1, 0, *range(2, 20)])), "values differ from the table's"),
        (changed("b", lambda column: pc.fill_null(column, 7.0)), "values differ from the table's"),
        (
            changed("_model_version", lambda column: pa.array(["9"] * 20)),
            "rows were predicted by another version than 1",
        ),
        (lambda rows: rows.drop_columns(["late"]), "columns are missing"),
    ],
)
def test_a_shard_that_is_not_what_was_planned_is_named(predicted, change, why):
    scene, table, plan, folder = predicted
    part = folder / "rows-000000000020-000000000040.parquet"
    rewrite(part, change(pq.read_table(part)))
    with pytest.raises(InputError, match=rf"{part.name}': expected the predicted rows 20-40 of the table, but {why}"):
        scene.join(table, plan)
    assert not (folder / "_manifest.json").exists()
    # What the message says to do helps.
    part.unlink()
    assert score(table, plan, "20-40") == (20, 20)
    assert scene.join(table, plan).rows == 60


def test_a_missing_and_a_broken_file_are_named(predicted):
    scene, table, plan, folder = predicted
    part = folder / "rows-000000000040-000000000060.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(InputError, match="it cannot be read"):
        scene.join(table, plan)
    part.unlink()
    with pytest.raises(InputError, match=r"000060\.parquet': expected the file of rows 40-60"):
        scene.join(table, plan)


def test_a_file_that_was_written_by_another_hand_is_named(predicted):
    scene, table, plan, folder = predicted
    part = folder / "rows-000000000020-000000000040.parquet"
    pq.write_table(pq.read_table(part), part)
    with pytest.raises(
        InputError, match=rf"{part.name}'.*its bytes are not those that were written\. Remove that file"
    ):
        scene.join(table, plan)


def test_no_byte_of_a_shard_can_change_unseen(predicted):
    scene, table, plan, folder = predicted
    part = folder / "rows-000000000020-000000000040.parquet"
    whole, chance = part.read_bytes(), random.Random(5)
    for place in sorted(chance.sample(range(len(whole)), 300)):
        damaged = bytearray(whole)
        damaged[place] ^= chance.randrange(1, 256)
        part.write_bytes(damaged)
        with pytest.raises(InputError, match=rf"{part.name}': expected the predicted rows 20-40.*Remove that file"):
            scene.join(table, plan)
    part.write_bytes(whole)
    assert scene.join(table, plan).rows == 60


def test_a_file_that_was_sealed_but_is_no_parquet_is_named(predicted, monkeypatch):
    scene, table, plan, folder = predicted
    part = folder / "rows-000000000020-000000000040.parquet"
    part.write_bytes(b"PAR1" + b"?" * 100)
    monkeypatch.setattr(proof, "is_sealed", lambda path: True)
    with pytest.raises(InputError, match=rf"{part.name}'.*it cannot be read: .*Remove that file"):
        scene.join(table, plan)


def test_a_manifest_that_tells_of_other_files_is_never_overwritten(predicted):
    scene, table, plan, folder = predicted
    scene.join(table, plan)
    manifest = folder / "_manifest.json"
    manifest.write_bytes(b"{}")
    with pytest.raises(InputError, match="expected the manifest of these shards"):
        scene.join(table, plan)
    assert manifest.read_bytes() == b"{}"
