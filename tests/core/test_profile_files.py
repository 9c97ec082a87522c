"""A profile is read back as it was written, and only when it is whole."""

import json

import numpy as np
import pandas as pd
import pytest

from kfp_lifecycle.core.profile import (
    CalibrationWindow,
    Importances,
    Performance,
    Profile,
    ProfileError,
    load_profile,
    load_sample,
    save_profile,
)
from kfp_lifecycle.core.sketches import sketch_categories, sketch_numbers
from kfp_lifecycle.core.training_rows import seen_in_training, training_rows

HASHES = np.array([7, 3, 3, 2**64 - 1, 0], dtype=np.uint64)
SAMPLE = pd.DataFrame({"a": [1.0, np.nan], "s": ["x", None], "late": [True, False]})


def profile() -> Profile:
    window = CalibrationWindow("2013-01-01T00:00:00Z", "2013-01-08T00:00:00Z", 100, 900, {"roc_auc": 0.7})
    return Profile(
        rows=5,
        table_digest="t" * 64,
        columns={"a": sketch_numbers(np.arange(9.0)), "s": sketch_categories(np.array(["x", None], dtype=object))},
        label=sketch_categories(np.array([True, False], dtype=object)),
        importances=Importances("permutation", {"a": 0.2, "s": 0.1}),
        performance=Performance((window,), sketch_numbers(np.arange(3.0))),
        hashed_columns=("a", "late", "s"),
        time_column="t",
        window=("2013-01-01T00:00:00Z", "2013-03-01T00:00:00Z"),
    )


@pytest.fixture
def directory(tmp_path):
    save_profile(profile(), tmp_path, SAMPLE, HASHES)
    return tmp_path


def test_a_profile_is_read_back_as_it_was_written(directory):
    assert load_profile(directory) == profile()
    pd.testing.assert_frame_equal(load_sample(directory), SAMPLE)


def test_training_rows_are_kept_once_and_sorted(directory):
    assert training_rows(directory).tolist() == [0, 3, 7, 2**64 - 1]


def test_rows_of_the_training_are_told_from_others(directory):
    hashes = np.array([3, 4, 2**64 - 1, 8, 0], dtype=np.uint64)
    assert seen_in_training(directory, hashes).tolist() == [True, False, True, False, True]


def test_a_model_of_no_rows_has_seen_none(tmp_path):
    save_profile(profile(), tmp_path, SAMPLE, HASHES[:0])
    assert not seen_in_training(tmp_path, HASHES).any()


def test_nothing_in_a_profile_is_a_pickle(directory):
    assert sorted(path.name for path in (directory / "profile").iterdir()) == [
        "profile.json",
        "sample.parquet",
        "training_rows.npy",
    ]
    assert (directory / "profile" / "training_rows.npy").read_bytes().startswith(b"\x93NUMPY")
    np.save(directory / "profile" / "training_rows.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ProfileError, match="cannot be read"):
        training_rows(directory)


def test_the_sample_is_bounded(tmp_path):
    save_profile(profile(), tmp_path, pd.DataFrame({"a": np.arange(9000)}), HASHES)
    assert len(load_sample(tmp_path)) == 5000


@pytest.mark.parametrize(
    "hashes", [np.array([2, 1], np.uint64), np.array([1, 2], np.int64), np.zeros((2, 2), np.uint64)]
)
def test_hashes_that_are_not_sorted_hashes_are_refused(directory, hashes):
    np.save(directory / "profile" / "training_rows.npy", hashes)
    with pytest.raises(ProfileError, match="is damaged"):
        training_rows(directory)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content | {"format": 2}, "format 2: this version reads format 1"),
        (lambda content: {"format": 1}, "is damaged"),
        (lambda content: [1], "format None"),
        (lambda content: content | {"label": {"kind": "none"}}, "is damaged"),
    ],
)
def test_a_profile_of_another_format_is_refused(directory, change, message):
    path = directory / "profile" / "profile.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ProfileError, match=message):
        load_profile(directory)


def test_a_missing_profile_and_one_that_is_no_json_are_named(directory):
    path = directory / "profile" / "profile.json"
    path.write_text("{")
    with pytest.raises(ProfileError, match="is not JSON"):
        load_profile(directory)
    path.unlink()
    with pytest.raises(ProfileError, match=r"profile/profile\.json is missing"):
        load_profile(directory)
