"""The step on tables: where every row goes, and what is kept of the schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.components.validation import validation
from kfp_lifecycle.components.validation.validation import validate
from kfp_lifecycle.core import table
from kfp_lifecycle.core.decision import load_decision
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.table import TableInfo, read_frame, read_info, write_table


class Workshop:
    """A table and places for all that the step writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("table", "accepted", "quarantine", "schema", "decision", "report")
        self.artifacts = {name: SimpleNamespace(path=str(folder / name), uri="", metadata={}) for name in names}

    def fill(self, frame: pd.DataFrame | pa.Table) -> None:
        content = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
        info = write_table(
            content.to_batches(100), content.schema, self.path("table"), window="a/b", source="somewhere"
        )
        self.artifacts["table"].metadata.update(info.to_metadata())

    def path(self, name: str) -> str:
        return self.artifacts[name].path

    def validate(self, frame: pd.DataFrame | pa.Table | None = None, **options: object) -> str:
        if frame is not None:
            self.fill(frame)
        (outcome,) = validate(**self.artifacts, **{"label": "late", **options})
        rows = [read_info(self.path(name)).rows for name in ("table", "accepted", "quarantine")]
        assert rows[0] == rows[1] + rows[2]
        assert load_decision(self.path("decision")).outcome == outcome
        assert f"{outcome}</span>" in Path(self.path("report")).read_text()
        return outcome

    @property
    def reasons(self) -> str:
        return " | ".join(load_decision(self.path("decision")).reasons)

    def aside(self) -> pd.DataFrame:
        return read_frame(self.path("quarantine"))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """So that a small table is many batches."""
    monkeypatch.setattr(table, "_READ_ROWS", 64)


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)


def flights(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "flight": np.arange(rows) + 1000 * seed,
            "carrier": random.choice(["AA", "UA", "B6"], rows),
            "temperature": np.where(random.random(rows) < 0.1, np.nan, random.uniform(0, 30, rows)),
            "late": random.random(rows) < 0.3,
        }
    )


def test_a_good_table_passes_unchanged(workshop):
    assert workshop.validate(flights()) == "pass"
    assert workshop.artifacts["accepted"].metadata == workshop.artifacts["table"].metadata
    assert list(workshop.aside().columns) == [*flights().columns, "quarantine_reason"]
    assert TableInfo.from_metadata(workshop.artifacts["quarantine"].metadata).rows == 0


def test_rows_without_a_label_are_put_aside_with_the_reason(workshop):
    frame = flights().astype({"late": object})
    frame.loc[[3, 350], "late"] = None
    assert workshop.validate(frame) == "pass"
    assert workshop.aside()["quarantine_reason"].tolist() == ["late is missing"] * 2
    assert workshop.aside()["flight"].tolist() == [3, 350]
    assert read_frame(workshop.path("accepted"))["flight"].tolist() == [i for i in range(400) if i not in (3, 350)]


def test_bad_rows_are_put_aside_with_all_their_reasons(workshop):
    saved = str(workshop.folder / "schemas" / "flights.json")
    assert workshop.validate(flights(), schema_uri=saved) == "pass"
    later = flights(seed=1).astype({"late": object})
    later.loc[0, "temperature"] = 99.0
    later.loc[1, "temperature"] = -99.0
    later.loc[2, "temperature"] = np.inf
    later.loc[3, "flight"] = later.loc[300, "flight"]
    later.loc[4, ["temperature", "late"]] = [99.0, None]
    assert workshop.validate(later, schema_uri=saved) == "pass"
    aside = workshop.aside()
    reasons = dict(zip(aside["flight"], aside["quarantine_reason"], strict=True))
    assert reasons[1000].startswith("temperature is above 4")
    assert reasons[1001].startswith("temperature is below -1")
    assert reasons[1002] == "temperature is infinite; " + reasons[1000]
    assert reasons[1300] == "flight repeats an earlier row"
    assert reasons[1004] == "late is missing; " + reasons[1000]
    assert len(aside) == 5


def test_missing_identifiers_do_not_repeat_each_other(workshop):
    saved = str(workshop.folder / "schema.json")
    workshop.validate(flights(), schema_uri=saved)
    later = flights(seed=1).astype({"flight": "Int64"})
    later.loc[[5, 200], "flight"] = None
    assert workshop.validate(later, schema_uri=saved) == "pass"
    assert len(workshop.aside()) == 0


def test_an_unknown_class_of_a_text_label_is_put_aside(workshop):
    saved = str(workshop.folder / "schema.json")
    frame = flights().assign(late=np.where(flights()["late"], "yes", "no"))
    workshop.validate(frame, schema_uri=saved)
    frame.loc[7, "late"] = "maybe"
    assert workshop.validate(frame, schema_uri=saved) == "pass"
    assert workshop.aside()["quarantine_reason"].tolist() == ["late is none of the known classes"]


def test_too_many_bad_rows_fail_and_none_is_lost(workshop):
    frame = flights().astype({"late": object})
    frame.loc[:39, "late"] = None
    assert workshop.validate(frame) == "fail"
    assert "40 of 400 rows are bad, 10.0%" in workshop.reasons
    assert workshop.validate(max_bad_share=0.1) == "pass"
    assert workshop.validate(max_bad_share=0.1, min_rows=361) == "fail"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.drop(columns="carrier"), "the table lacks carrier"),
        (lambda f: f.assign(temperature=f["temperature"].astype(str)), "temperature holds text"),
        (lambda f: f.assign(temperature=np.nan), "temperature has no value in any row"),
        (lambda f: f.assign(temperature=f["temperature"].where(f.index > 100)), "temperature is missing in"),
        (lambda f: f.assign(carrier=f["carrier"].where(f.index > 60, "ZZ")), "carrier has unknown values in"),
        (lambda f: pd.concat([f, f]), "50.0% of the rows repeat an earlier row"),
        (lambda f: f.assign(late=True), "the label late has the same value in every row"),
        (lambda f: f.head(0), "the table has no rows"),
    ],
)
def test_a_table_that_breaks_its_schema_fails(workshop, change, reason):
    saved = str(workshop.folder / "schema.json")
    workshop.validate(flights(), schema_uri=saved)
    before = Path(saved).read_bytes()
    assert workshop.validate(change(flights(seed=1)), schema_uri=saved) == "fail"
    assert reason in workshop.reasons
    assert Path(saved).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.assign(temperature=np.nan), "temperature has no value in any row"),
        (lambda f: f.assign(late=True), "the label late has the same value in every row"),
        (lambda f: f.assign(late=None), "late has no value in any row"),
        (lambda f: f.head(0), "the table has no rows"),
    ],
)
def test_a_first_table_that_fails_does_not_become_the_rule(workshop, change, reason):
    saved = workshop.folder / "schema.json"
    assert workshop.validate(change(flights()), schema_uri=str(saved)) == "fail"
    assert reason in workshop.reasons
    assert not saved.exists()


def test_a_new_column_and_more_digits_pass_with_a_note(workshop):
    saved = str(workshop.folder / "schema.json")
    workshop.validate(flights(), schema_uri=saved)
    later = flights(seed=1)
    later = later.assign(flight=later["flight"] + 0.5, gate=1)
    assert workshop.validate(later, schema_uri=saved) == "pass"
    assert "the schema does not know gate" in workshop.reasons


def test_the_schema_that_was_enforced_is_handed_on(workshop):
    saved = str(workshop.folder / "schema.json")
    workshop.validate(flights(), schema_uri=saved)
    first = Path(workshop.path("schema")).read_bytes()
    assert first == Path(saved).read_bytes()
    workshop.validate(flights(seed=1), schema_uri=saved)
    assert Path(workshop.path("schema")).read_bytes() == first
    assert load_decision(workshop.path("decision")).inputs["schema_was"] == "enforced"


def test_without_an_address_a_schema_is_only_inferred(workshop):
    workshop.validate(flights())
    assert json.loads(Path(workshop.path("schema")).read_bytes())["format"] == 1
    assert load_decision(workshop.path("decision")).inputs["schema_was"] == "inferred"


def test_a_run_that_loses_the_race_to_save_keeps_to_the_schema_of_the_other(workshop, monkeypatch):
    saved = str(workshop.folder / "schema.json")
    other = Workshop(workshop.folder / "other")
    real = object_store.create

    def other_run_comes_first(*arguments: object) -> bool:
        monkeypatch.setattr(validation.object_store, "create", real)
        other.validate(flights(seed=1).assign(temperature=1400.0 - np.arange(400)), schema_uri=saved)
        return real(*arguments)

    monkeypatch.setattr(validation.object_store, "create", other_run_comes_first)
    assert workshop.validate(flights(), schema_uri=saved) == "fail"
    assert Path(workshop.path("schema")).read_bytes() == Path(saved).read_bytes()
    assert workshop.aside()["quarantine_reason"].str.startswith("temperature is below").any()


def test_a_schema_in_a_bucket_is_saved_and_enforced(workshop, s3):
    saved = object_store.join(s3, "schemas", "flights.json")
    assert workshop.validate(flights(), schema_uri=saved) == "pass"
    assert object_store.read_bytes(saved) == Path(workshop.path("schema")).read_bytes()
    assert workshop.validate(flights(seed=1).drop(columns="carrier"), schema_uri=saved) == "fail"


@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.floats(width=32),
            st.none() | st.sampled_from(["a", "b", ""]),
            st.none() | st.integers(-(2**62), 2**62),
            st.none() | st.booleans(),
        ),
        max_size=30,
    ),
    later=st.lists(st.tuples(st.none() | st.floats(), st.none() | st.text(), st.none(), st.none() | st.booleans())),
)
@settings(max_examples=25, deadline=None)
def test_whatever_comes_in_goes_out_on_one_side(tmp_path_factory, rows, later):
    workshop = Workshop(tmp_path_factory.mktemp("validate"))
    saved = str(workshop.folder / "schema.json")
    kinds = pa.schema([("x", pa.float64()), ("s", pa.string()), ("n", pa.int64()), ("late", pa.bool_())])
    for content in (rows, later):
        rows_in = pa.Table.from_pylist([dict(zip(kinds.names, row, strict=True)) for row in content], kinds)
        workshop.validate(rows_in, schema_uri=saved)
        both = pd.concat([read_frame(workshop.path("accepted")), workshop.aside()])
        assert len(both) == len(content)
        assert workshop.aside()["quarantine_reason"].notna().all()
        assert read_frame(workshop.path("accepted"))["late"].notna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "lat"}, "label='lat': expected a column of the table. Did you mean one of: late"),
        ({"max_bad_share": 1.5}, "max_bad_share=1.5: expected a share between 0 and 1"),
        ({"min_rows": -1}, "min_rows=-1"),
        ({"schema_uri": "ftp://host/schema.json"}, "schema_uri='ftp://host/schema.json'"),
    ],
)
def test_a_refusal_names_the_parameter_and_writes_nothing(workshop, options, message):
    workshop.fill(flights())
    with pytest.raises(InputError, match=message):
        workshop.validate(**options)
    assert [path.name for path in workshop.folder.iterdir()] == ["table"]


def test_a_broken_schema_file_is_named_and_left_alone(workshop):
    saved = workshop.folder / "schema.json"
    saved.write_text("{")
    with pytest.raises(InputError, match=r"schema_uri='.*schema\.json'.*Repair it"):
        workshop.validate(flights(), schema_uri=str(saved))
    assert saved.read_text() == "{"


def test_a_quarantined_table_is_not_validated_as_it_is(workshop):
    with pytest.raises(InputError, match="quarantine_reason"):
        workshop.validate(flights().assign(quarantine_reason="x"))


@pytest.mark.slow
def test_memory_stays_bounded_on_a_large_table(tmp_path):
    code = """
import resource, sys
from types import SimpleNamespace
import numpy as np, pyarrow as pa
from kfp_lifecycle.components.validation.validation import validate
from kfp_lifecycle.core.table import write_table
schema = pa.schema([("late", pa.bool_()), *((f"c{i}", pa.float64()) for i in range(20))])
values = np.random.default_rng(0).integers(0, 50, 20_000).astype(float)
columns = [pa.array(values > 1), *(pa.array(np.roll(values, i)) for i in range(20))]
batch = pa.RecordBatch.from_arrays(columns, schema=schema)
def run(count):
    names = ("table", "accepted", "quarantine", "schema", "decision", "report")
    places = {name: SimpleNamespace(path=f"{sys.argv[1]}/{name}", uri="", metadata={}) for name in names}
    write_table((batch for _ in range(count)), schema, places["table"].path)
    validate(**places, label="late")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before = run(20)
print(run(60) - before)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )
    # 200 MB of values against 67 MB before, of which 800,000 more rows keep 30 bytes each.
    assert int(ran.stdout) < 80, f"grew by {ran.stdout} MiB"
