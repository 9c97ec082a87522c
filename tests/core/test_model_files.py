"""What a model directory holds, and what is not loaded."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from kfp_lifecycle.core import trust
from kfp_lifecycle.core.checksums import ChecksumError, write_checksums
from kfp_lifecycle.core.model import ModelFileError, UntrustedTypeError, load_model, save_model
from kfp_lifecycle.core.signature import Column, Signature, load_signature

INPUTS = pd.DataFrame({"a": [1.0, 2.0, 3.0, np.nan] * 10, "s": ["x", "y", "z", np.nan] * 10})
LABELS = ["n", "y"] * 20
SIGNATURE = Signature(
    "classification",
    "late",
    ("n", "y"),
    (Column("a", "number", True), Column("s", "category", True)),
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "y",
)


class Own(LogisticRegression):
    """A type of the user's own code."""


@pytest.fixture(scope="module")
def fitted():
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=["s"])
    return Pipeline([("model", model)]).fit(INPUTS, LABELS)


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    save_model(path, fitted, SIGNATURE, INPUTS)
    return path


@pytest.fixture
def directory(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def reseal(directory: Path) -> str:
    (directory / "checksums.json").unlink()
    return write_checksums(directory)


def test_a_model_answers_the_same_after_a_round_trip(fitted, tmp_path):
    digest = save_model(tmp_path / "model", fitted, SIGNATURE, INPUTS)
    loaded = load_model(tmp_path / "model", digest)
    assert (loaded.predict_proba(INPUTS) == fitted.predict_proba(INPUTS)).all()
    assert load_signature(tmp_path / "model") == SIGNATURE


def test_what_lies_in_the_directory_before_is_sealed_with_the_model(fitted, tmp_path):
    (tmp_path / "model" / "profile").mkdir(parents=True)
    (tmp_path / "model" / "profile" / "profile.json").write_text("{}")
    save_model(tmp_path / "model", fitted, SIGNATURE, INPUTS)
    assert "profile/profile.json" in json.loads((tmp_path / "model" / "checksums.json").read_text())


def test_the_example_holds_five_rows_that_json_can_hold(directory):
    example = json.loads((directory / "input_example.json").read_text())
    assert example == {
        "columns": ["a", "s"],
        "data": [[1.0, "x"], [2.0, "y"], [3.0, "z"], [None, None], [1.0, "x"]],
    }


def test_the_recorded_types_are_those_that_skops_does_not_trust_itself(directory):
    recorded = json.loads((directory / "trusted.json").read_text())
    assert recorded == sorted(skops.io.get_untrusted_types(file=directory / "model.skops"))
    assert "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor" in recorded


@pytest.mark.parametrize("place", [0, 1000, -1], ids=["first", "middle", "last"])
def test_a_flipped_byte_is_refused_by_name(directory, place):
    content = bytearray((directory / "model.skops").read_bytes())
    content[place] ^= 1
    (directory / "model.skops").write_bytes(content)
    with pytest.raises(ChecksumError, match=r"model\.skops was changed"):
        load_model(directory)


def test_another_digest_than_the_recorded_one_is_refused(directory):
    with pytest.raises(ChecksumError, match="expected 0000"):
        load_model(directory, "0" * 64)


@pytest.mark.parametrize("name", ["model.pkl", "profile/cache.joblib", "harmless.txt"])
def test_a_pickle_is_refused_whatever_it_is_called(directory, name):
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps({"a": 1}))
    reseal(directory)
    with pytest.raises(ModelFileError, match=f"{name} is a pickle"):
        load_model(directory)


def test_a_type_of_other_code_is_not_saved(tmp_path):
    model = Own().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(UntrustedTypeError, match=r"test_model_files\.Own") as caught:
        save_model(tmp_path / "model", model, SIGNATURE, INPUTS)
    assert "KFP_LIFECYCLE_TRUSTED_TYPES" in str(caught.value)
    assert not (tmp_path / "model" / "checksums.json").exists()


def test_the_list_that_a_model_brings_along_decides_nothing(directory):
    content = skops.io.dumps(Own().fit([[0.0], [1.0]], [0, 1]))
    (directory / "model.skops").write_bytes(content)
    (directory / "trusted.json").write_text(json.dumps(skops.io.get_untrusted_types(data=content)))
    with pytest.raises(UntrustedTypeError, match=r"test_model_files\.Own"):
        load_model(directory, reseal(directory))


def test_the_operator_may_add_a_type(tmp_path, monkeypatch):
    name = f"{Own.__module__}.Own"
    monkeypatch.setenv("KFP_LIFECYCLE_TRUSTED_TYPES", f"other.Type, {name}")
    digest = save_model(tmp_path / "model", Own().fit([[0.0], [1.0]], [0, 1]), SIGNATURE, INPUTS)
    monkeypatch.delenv("KFP_LIFECYCLE_TRUSTED_TYPES")
    with pytest.raises(UntrustedTypeError):
        load_model(tmp_path / "model", digest)


def test_the_list_itself_cannot_be_changed():
    assert isinstance(trust.TRUSTED_TYPES, frozenset)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text"])
def test_a_file_that_is_no_skops_file_is_refused(directory, content):
    (directory / "model.skops").write_bytes(content)
    with pytest.raises(ModelFileError, match="not a skops file"):
        load_model(directory, reseal(directory))


def test_a_directory_without_a_model_is_refused(directory):
    (directory / "model.skops").unlink()
    with pytest.raises(ModelFileError, match=r"model\.skops is missing"):
        load_model(directory, reseal(directory))


def test_an_estimator_that_skops_cannot_save_is_named(tmp_path):
    from sklearn.cluster import Birch

    with pytest.raises(ModelFileError, match="skops cannot save Birch"):
        save_model(tmp_path / "model", Birch().fit([[0.0], [1.0], [5.0]]), SIGNATURE, INPUTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2: this version reads format 1"),
        ({"task": "clustering"}, "task 'clustering'"),
        ({"columns": [{"name": "a", "type": "text", "nullable": False}]}, "column 'a' has the unknown type 'text'"),
        ({"columns": [{"name": "a"}]}, "lacks 'type'"),
    ],
)
def test_a_signature_of_another_format_is_refused(directory, change, message):
    path = directory / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=message):
        load_signature(directory)


def test_a_missing_signature_is_named(directory):
    (directory / "model.json").unlink()
    with pytest.raises(ValueError, match=r"model\.json is missing"):
        load_signature(directory)


def test_mlflow_loads_the_directory_too(directory, fitted, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite://")
    native = mlflow.sklearn.load_model(str(directory))
    assert (native.predict(INPUTS) == fitted.predict(INPUTS)).all()
    wrapped = mlflow.pyfunc.load_model(str(directory))
    assert (wrapped.predict(INPUTS) == fitted.predict(INPUTS)).all()
    with pytest.raises(Exception, match="a"):
        wrapped.predict(INPUTS.assign(a="text"))
    lines = (directory / "requirements.txt").read_text().splitlines()
    assert {line.split("==")[0] for line in lines} == {
        "mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops"
    }  # fmt: skip


def test_a_regression_has_no_classes_and_its_file_is_smaller_than_what_it_holds(tmp_path):
    inputs = INPUTS[["a"]].fillna(0.0)
    model = RandomForestRegressor(20).fit(inputs, inputs["a"])
    signature = Signature("regression", "y", None, (Column("a", "number", False),), "sklearn.x")
    save_model(tmp_path / "model", model, signature, inputs)
    assert load_signature(tmp_path / "model").classes is None
    assert (tmp_path / "model" / "model.skops").stat().st_size < len(skops.io.dumps(model)) / 2
