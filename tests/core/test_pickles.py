"""Folders of state are looked through for pickles before anything in them is read."""

import json
import pickle

import numpy as np
import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.pickles import refuse_pickles


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "profile.json").write_text(json.dumps({"rows": 3}))
    (tmp_path / "profile" / "sample.parquet").write_bytes(b"PAR1....PAR1")
    np.save(tmp_path / "profile" / "training_rows.npy", np.arange(3), allow_pickle=False)
    return tmp_path


def test_plain_files_pass(folder):
    refuse_pickles(folder, "model")
    refuse_pickles(folder / "profile", "model", ("profile.json", "*.parquet", "*.npy"))


@pytest.mark.parametrize(
    "name", ["preprocess_fn.dill", "a.pkl", "a.PICKLE", "model.joblib", "x.pkl.gz", "deep/er.dill"]
)
def test_a_pickle_by_name_is_refused(folder, name):
    path = folder / "profile" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"anything")
    with pytest.raises(InputError, match="run code") as error:
        refuse_pickles(folder, "model")
    assert (error.value.parameter, error.value.value) == ("model", f"profile/{name}")


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_under_an_innocent_name_is_refused(folder, protocol):
    (folder / "profile" / "profile.json").write_bytes(pickle.dumps({"rows": 3}, protocol))
    with pytest.raises(InputError, match="begins as a pickle"):
        refuse_pickles(folder, "model")


def test_the_oldest_pickles_are_refused_where_names_are_known(folder):
    (folder / "profile" / "notes").write_bytes(pickle.dumps({"rows": 3}, 0))
    with pytest.raises(InputError, match="is none of"):
        refuse_pickles(folder / "profile", "model", ("*.json", "*.parquet", "*.npy"))


def test_an_array_of_objects_is_refused(folder):
    np.save(folder / "x_ref.npy", np.array([{}, None], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="pickled objects"):
        refuse_pickles(folder, "cache")


def test_a_link_is_refused(folder):
    (folder / "other.npy").symlink_to(folder / "profile" / "training_rows.npy")
    with pytest.raises(InputError, match="plain file"):
        refuse_pickles(folder, "cache")
