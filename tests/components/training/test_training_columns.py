"""Which columns a model learns from, which it drops, and which it refuses."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kfp_lifecycle.components.training.columns import candidate_columns, choose_columns
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.signature import Column

FRAME = pd.DataFrame(
    {
        "at": pd.to_datetime(["2013-01-01"] * 60, utc=True),
        "number": np.r_[np.nan, np.arange(59.0)],
        "whole": np.arange(60) % 7,
        "flag": np.arange(60) % 2 == 0,
        "text": ["a", "b", None] * 20,
        "id": [f"id{row}" for row in range(60)],
        "same": ["x"] * 60,
        "nothing": [None] * 60,
        "nans": np.full(60, np.nan),
        "sometimes": [1.0, np.nan] * 30,
        "late": [True, False] * 30,
    }
)
SCHEMA = pa.Schema.from_pandas(FRAME, preserve_index=False)


def choose(features=(), exclude=(), time_column="at", frame=FRAME):
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    names = candidate_columns(schema, "late", features, exclude, time_column)
    return choose_columns(frame, schema, names, features)


def test_every_column_but_label_and_time_is_learned_from_as_what_it_is():
    columns, _ = choose()
    assert columns == [
        Column("number", "number", True),
        Column("whole", "integer", False),
        Column("flag", "boolean", False),
        Column("text", "category", True),
        Column("id", "category", False),
        Column("sometimes", "number", True),
    ]


def test_columns_that_teach_nothing_are_dropped_with_a_line():
    _, notes = choose()
    assert "column 'same' is dropped: it is 'x' in every row" in notes
    assert "column 'nothing' is dropped: it has no value at all" in notes
    assert "column 'nans' is dropped: it has no value at all" in notes


def test_a_column_of_distinct_texts_is_warned_of():
    _, notes = choose()
    assert any("'id' has another text in every row" in note and "exclude" in note for note in notes)
    _, quiet = choose(exclude=["id"])
    assert not any("another text" in note for note in quiet)


def test_a_column_that_never_changes_is_kept_when_it_is_asked_for():
    columns, notes = choose(features=["same", "whole"])
    assert [column.name for column in columns] == ["whole", "same"] and not notes


@pytest.mark.parametrize("name", ["nothing", "nans"])
def test_a_column_without_values_is_refused_when_it_is_asked_for(name):
    with pytest.raises(InputError, match=f"features='{name}': expected a column with values"):
        choose(features=[name])


def test_a_column_of_times_is_refused_unless_it_is_excluded():
    with pytest.raises(InputError, match=r"features='at'.*timestamp.*exclude.*time_column"):
        choose(time_column="")
    assert choose(time_column="", exclude=["at"])[0]


def test_infinity_is_refused_by_column():
    with pytest.raises(InputError, match="number='2 infinite values'"):
        choose(frame=FRAME.assign(number=np.r_[np.inf, -np.inf, np.arange(58.0)]))


def test_a_table_of_columns_that_teach_nothing_is_refused():
    with pytest.raises(InputError, match="'same' is dropped"):
        choose(frame=FRAME[["at", "same", "late"]])


@pytest.mark.parametrize(
    ("label", "features", "exclude", "time_column", "message"),
    [
        ("lat", [], [], "", "label='lat': expected a column of the table. Did you mean one of: late"),
        ("late", ["nmber"], [], "", "features='nmber'.*number"),
        ("late", [], ["idd"], "", "exclude='idd'"),
        ("late", [], [], "when", "time_column='when'"),
        ("late", [], [], "whole", "time_column='whole': expected a column of times"),
        ("late", ["late"], [], "", "features='late': expected inputs without the label"),
        ("late", ["id"], ["id"], "", "at least one column"),
    ],
)
def test_names_that_cannot_be_are_refused(label, features, exclude, time_column, message):
    with pytest.raises(InputError, match=message):
        candidate_columns(SCHEMA, label, features, exclude, time_column)
