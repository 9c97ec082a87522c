"""A table's columns are sorted once, kept by its digest, and read without unpickling anything."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from tests.components.monitoring.engines.stage import sketches_of, window_of

from kfp_lifecycle.components.monitoring.engines import exact_reference
from kfp_lifecycle.components.monitoring.engines.drift import drift_of
from kfp_lifecycle.components.monitoring.engines.exact_reference import cached_reference, table_reference
from kfp_lifecycle.components.monitoring.engines.native import NATIVE
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.components.monitoring.engines.reference import with_sketches
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.sketches import sketch_numbers
from kfp_lifecycle.core.table import read_info, write_table

TYPES = {"delay": "number", "hour": "integer", "carrier": "category", "late": "boolean"}


def flights(seed, rows):
    generator = np.random.default_rng(seed)
    delay = generator.normal(size=rows)
    delay[::50] = np.nan
    return pa.table(
        {
            "delay": pa.array(delay, from_pandas=True),
            "hour": generator.integers(0, 24, rows),
            "carrier": generator.choice(["AA", "B6", "ü", None], rows, p=[0.5, 0.3, 0.1, 0.1]),
            "late": generator.random(rows) < 0.3,
        }
    )


@pytest.fixture
def table(tmp_path):
    content = flights(0, 3000)
    write_table(content.to_batches(), content.schema, tmp_path / "table")
    return tmp_path / "table"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def index_of(cache):
    (path,) = cache.glob("*/index.json")
    return path


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_columns_come_back_sorted_with_their_missing_rows_and_counts(table, cache):
    reference = table_reference(table, TYPES, cache)
    content = flights(0, 3000).to_pandas()
    delay, carrier = reference.columns["delay"](), reference.columns["carrier"]()
    assert delay.values.tolist() == np.sort(content["delay"].dropna()).tolist()
    assert (delay.rows, delay.missing, delay.ranks, reference.kind) == (3000, 60, None, "table")
    assert delay.mean == pytest.approx(content["delay"].mean())
    assert delay.deviation == pytest.approx(content["delay"].std(ddof=0))
    assert dict(carrier.counts) == content["carrier"].value_counts().to_dict()
    assert carrier.missing == content["carrier"].isna().sum()


def test_the_same_table_is_sorted_once(table, cache, monkeypatch):
    digest = read_info(table).digest
    assert cached_reference(digest, TYPES, cache) is None
    before = table_reference(table, TYPES, cache, digest)
    monkeypatch.setattr(exact_reference, "read_batches", None)
    after, without_table = table_reference(table, TYPES, cache), cached_reference(digest, TYPES, cache)
    plan, window = DriftPlan(TYPES), window_of(flights(1, 500))
    found = [drift_of(window, reference, plan, NATIVE) for reference in (before, after, without_table)]
    assert found[0] == found[1] == found[2]


def test_exact_mode_has_no_error_and_is_what_lossless_sketches_give(tmp_path, cache):
    content = flights(2, 1000)
    write_table(content.to_batches(), content.schema, tmp_path / "small")
    plan, window = DriftPlan(TYPES), window_of(flights(3, 400))
    exact = drift_of(window, table_reference(tmp_path / "small", TYPES, cache), plan, NATIVE)
    assert exact == drift_of(window, sketches_of(content, TYPES), plan, NATIVE)
    assert all(column.largest_error == 0 for column in exact.columns)


def test_a_score_has_only_a_sketch(table, cache):
    sketch = sketch_numbers(np.random.default_rng(0).random(5000))
    reference = with_sketches(table_reference(table, TYPES, cache), {"_score": sketch, "delay": sketch})
    assert reference.columns["_score"]().ranks is not None
    assert reference.columns["delay"]().ranks is None


@pytest.mark.parametrize("name", ["planted.dill", "00009.pkl", "00009.npy"])
def test_a_pickle_in_the_cache_is_refused_before_anything_is_read(table, cache, tmp_path, name):
    table_reference(table, TYPES, cache)
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    (index_of(cache).parent / name).write_bytes(trap)
    index_of(cache).write_text("read me and fail")
    with pytest.raises(InputError, match="run code") as error:
        table_reference(table, TYPES, cache)
    assert error.value.parameter == "cache" and not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["detector.dill", "preprocess_fn", "schema.json.pkl"])
def test_a_pickle_beside_the_table_is_refused_before_anything_is_read(table, cache, tmp_path, name):
    (table / name).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    (table / "schema.json").write_text("read me and fail")
    with pytest.raises(InputError, match="run code") as error:
        table_reference(table, TYPES, cache)
    assert error.value.parameter == "reference_uri" and not (tmp_path / "sprung").exists()


def test_a_pickle_in_place_of_a_cached_column_is_never_loaded(table, cache, tmp_path):
    table_reference(table, TYPES, cache)
    column = index_of(cache).parent / "00000.npy"
    np.save(column, np.array([Trap(tmp_path / "sprung")], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="pickled objects"):
        cached_reference(read_info(table).digest, TYPES, cache)
    assert not (tmp_path / "sprung").exists()


def test_a_damaged_cache_is_made_again(table, cache, capsys):
    wanted = table_reference(table, TYPES, cache).columns["delay"]().values.tolist()
    column = index_of(cache).parent / "00000.npy"
    damaged = np.load(column)
    damaged[7] = 1e9
    np.save(column, damaged, allow_pickle=False)
    assert table_reference(table, TYPES, cache).columns["delay"]().values.tolist() == wanted
    assert "00000.npy was changed" in capsys.readouterr().out
    index_of(cache).write_text(json.dumps({"format": 1}))
    assert table_reference(table, TYPES, cache).columns["delay"]().values.tolist() == wanted


def test_another_table_than_the_one_meant_is_refused(table, cache):
    with pytest.raises(InputError, match="the table with digest 0000"):
        table_reference(table, TYPES, cache, "0000")
    part = next(table.glob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[100] ^= 1
    part.write_bytes(content)
    with pytest.raises(InputError, match="the digest"):
        table_reference(table, TYPES, cache)
    assert not list(cache.glob("*"))


def test_a_column_that_the_table_lacks_or_holds_otherwise_is_refused(table, cache):
    with pytest.raises(InputError, match="Did you mean one of: delay"):
        table_reference(table, {"delays": "number"}, cache)
    with pytest.raises(InputError, match="the model takes number"):
        table_reference(table, {"carrier": "number"}, cache)
    with pytest.raises(InputError, match="a folder with schema.json"):
        table_reference(table.parent / "nothing", TYPES, cache)
    assert not list(cache.glob("*"))


def test_other_columns_of_the_same_table_have_a_cache_of_their_own(table, cache):
    table_reference(table, TYPES, cache)
    assert list(table_reference(table, {"hour": "integer"}, cache).columns) == ["hour"]
    assert list(table_reference(table, TYPES, cache).columns) == list(TYPES)


def test_several_processes_may_sort_at_once(table, cache):
    code = (
        "import sys\n"
        "from kfp_lifecycle.components.monitoring.engines.exact_reference import table_reference\n"
        f"reference = table_reference(sys.argv[1], {TYPES}, sys.argv[2])\n"
        "print(len(reference.columns['delay']().values))\n"
    )
    command = [sys.executable, "-P", "-c", code, str(table), str(cache)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0].strip() for process in started] == ["2940"] * 3
    assert [path.name for path in cache.iterdir()] == [index_of(cache).parent.name]
