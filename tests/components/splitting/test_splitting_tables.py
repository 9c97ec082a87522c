"""The step on tables: what it writes and what it refuses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.components.splitting import splitting
from kfp_lifecycle.components.splitting.splitting import split
from kfp_lifecycle.core import table
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.table import TableInfo, read_frame, read_info, write_table


class Workshop:
    """A table and two places for its parts."""

    def __init__(self, folder: Path) -> None:
        self.table, self.training, self.holdout = (
            SimpleNamespace(path=str(folder / name), uri="", metadata={}) for name in ("table", "training", "holdout")
        )

    def fill(self, frame: pd.DataFrame) -> None:
        content = pa.Table.from_pandas(frame, preserve_index=False)
        info = write_table(content.to_batches(200), content.schema, self.table.path, window="a/b", source="somewhere")
        self.table.metadata.update(info.to_metadata())

    def split(self, **options: object) -> tuple[pd.DataFrame, pd.DataFrame]:
        rows = split(self.table, self.training, self.holdout, **options)
        parts = read_frame(self.training.path), read_frame(self.holdout.path)
        assert rows == (len(parts[0]), len(parts[1]))
        return parts


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """So that a small table is many batches."""
    monkeypatch.setattr(table, "_READ_ROWS", 64)


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)


def flights(rows: int = 3000) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "flight": np.arange(rows),
            "carrier": random.choice(["AA", "UA", "B6", "OO"], rows, p=[0.5, 0.3, 0.19, 0.01]),
            "at": pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(np.arange(rows) // 3, unit="h"),
            "delay": np.where(np.arange(rows) % 10 == 0, np.nan, random.normal(size=rows)),
        }
    )


METHODS = [
    {"method": "random"},
    {"method": "stratified", "column": "carrier"},
    {"method": "grouped", "column": "at"},
    {"method": "time", "column": "at"},
]


@pytest.mark.parametrize("options", METHODS, ids=lambda options: options["method"])
def test_every_row_goes_to_one_side_and_keeps_its_order(workshop, options):
    frame = flights()
    workshop.fill(frame)
    training, holdout = workshop.split(**options, holdout_fraction=0.25)
    assert not set(training["flight"]) & set(holdout["flight"])
    both = pd.concat([training, holdout]).sort_values("flight", ignore_index=True)
    assert both.drop(columns="at").equals(frame.drop(columns="at"))
    assert training["flight"].is_monotonic_increasing and holdout["flight"].is_monotonic_increasing
    assert abs(len(holdout) / len(frame) - 0.25) < 0.03


@pytest.mark.parametrize("options", METHODS, ids=lambda options: options["method"])
def test_the_same_table_and_seed_give_the_same_parts(workshop, options):
    workshop.fill(flights(500))
    workshop.split(**options)
    first = dict(workshop.training.metadata), dict(workshop.holdout.metadata)
    workshop.split(**options)
    assert (workshop.training.metadata, workshop.holdout.metadata) == first


def test_the_parts_say_where_they_came_from(workshop):
    workshop.fill(flights(500))
    workshop.split()
    info = TableInfo.from_metadata(workshop.holdout.metadata)
    assert info == read_info(workshop.holdout.path)
    assert (info.window, info.source) == ("a/b", "somewhere")
    assert info.schema_digest == workshop.table.metadata["schema_digest"]


def test_stratified_keeps_the_share_of_every_class(workshop):
    frame = flights()
    workshop.fill(frame)
    _, holdout = workshop.split(method="stratified", column="carrier", holdout_fraction=0.2)
    wanted = (frame["carrier"].value_counts() * 0.2).round().astype(int)
    assert holdout["carrier"].value_counts().to_dict() == wanted.to_dict()


def test_grouped_keeps_every_group_on_one_side(workshop):
    workshop.fill(flights())
    training, holdout = workshop.split(method="grouped", column="at")
    assert not set(training["at"]) & set(holdout["at"])


def test_time_holds_out_the_latest(workshop):
    workshop.fill(flights().sample(frac=1, random_state=0))
    training, holdout = workshop.split(method="time", column="at")
    assert training["at"].max() < holdout["at"].min()


def test_equal_rows_stay_together(workshop):
    workshop.fill(pd.concat([flights(200)] * 3))
    training, holdout = workshop.split()
    assert (training["flight"].value_counts() == 3).all() and (holdout["flight"].value_counts() == 3).all()


@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab")), min_size=1, max_size=30),
    method=st.sampled_from(["random", "stratified", "grouped", "time"]),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(-(2**31), 2**31),
)
@settings(max_examples=60, deadline=None)
def test_no_row_is_lost_shared_or_left_alone_on_a_side(tmp_path_factory, rows, method, fraction, seed):
    workshop = Workshop(tmp_path_factory.mktemp("split"))
    frame = pd.DataFrame(rows, columns=["n", "letter"])
    workshop.fill(frame)
    column = {"random": "", "time": "n"}.get(method, "letter")
    try:
        training, holdout = workshop.split(method=method, column=column, holdout_fraction=fraction, seed=seed)
    except InputError as refusal:
        assert "rows on both sides" in str(refusal)
        assert not Path(workshop.training.path).exists()
        return
    assert len(training) and len(holdout)
    assert sorted([*training.itertuples(index=False), *holdout.itertuples(index=False)]) == sorted(
        frame.itertuples(index=False)
    )
    assert not set(training.itertuples(index=False)) & set(holdout.itertuples(index=False))


def test_a_split_that_shares_a_row_is_not_written(workshop, monkeypatch):
    """The proof does not trust the method."""
    workshop.fill(pd.concat([flights(100)] * 2))
    monkeypatch.setattr(splitting, "by_chance", lambda hashes, *_: np.arange(len(hashes)) < 120)
    with pytest.raises(AssertionError, match="80 rows lie on both sides"):
        workshop.split()
    assert not Path(workshop.training.path).exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "by hand"}, "method='by hand': expected one of random, stratified, grouped, time"),
        ({"holdout_fraction": 0}, "a number between 0 and 1"),
        ({"holdout_fraction": 1.0}, "a number between 0 and 1"),
        ({"holdout_fraction": float("nan")}, "a number between 0 and 1"),
        ({"column": "carrier"}, "no column for method random"),
        ({"method": "time"}, "column='': expected a column for method time"),
        ({"method": "grouped", "column": "carier"}, "Did you mean one of: carrier"),
        ({"method": "time", "column": "carrier"}, "times, dates or numbers, found string"),
        ({"method": "time", "column": "delay"}, "a value in every row"),
        ({"method": "stratified", "column": "flight"}, "at most 1000 different values, found 3000"),
        ({"holdout_fraction": 1e-9}, "found 3000 for training and 0 to hold out"),
    ],
)
def test_a_refusal_names_the_parameter_and_writes_nothing(workshop, options, message):
    workshop.fill(flights())
    with pytest.raises(InputError, match=message):
        workshop.split(**options)
    assert not Path(workshop.training.path).exists() and not Path(workshop.holdout.path).exists()


def test_a_table_without_rows_is_refused(workshop):
    workshop.fill(flights().head(0))
    for options in METHODS:
        with pytest.raises(InputError, match="rows on both sides, found 0"):
            workshop.split(**options)
