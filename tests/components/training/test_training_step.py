"""The step train, from a stored table to a sealed directory and one MLflow run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from kfp_lifecycle.components.training.training import train
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.model import load_model, load_signature
from kfp_lifecycle.core.profile import load_profile, load_sample
from kfp_lifecycle.core.rows import row_hashes
from kfp_lifecycle.core.training_rows import seen_in_training

BOOSTING = '{"max_iter": 10}'


@pytest.fixture
def fresh(tmp_path: Path, artifact):
    """Output artifacts where nothing is yet."""

    def make(name: str = "one"):
        folder = tmp_path / name
        folder.mkdir()
        return artifact(str(folder / "model")), artifact(str(folder / "metrics"))

    return make


def run(table, fresh, name="one", **changes):
    model, metrics = fresh(name)
    values = {"label": "late", "model_name": "people", "parameters": BOOSTING, "exclude": ["id", "minutes"]}
    values |= {"time_column": "at"} | changes
    return train(table, model=model, metrics=metrics, **values), model, metrics


def test_a_table_becomes_a_model_directory_that_answers(stored, people, fresh, mlflow_store):
    frame = people(800)
    table = stored(frame)
    (key, digest, run_id), model, metrics = run(table, fresh)
    signature, estimator = load_signature(model.path), load_model(model.path, digest)
    assert [(column.name, column.type) for column in signature.columns] == [
        ("age", "number"),
        ("children", "integer"),
        ("member", "boolean"),
        ("city", "category"),
    ]
    assert signature.classes == (False, True) and signature.positive_class is True
    assert np.mean(estimator.predict(model_inputs(frame, signature)) == frame["late"]) > 0.8
    assert model.metadata == {
        "digest": digest,
        "content_key": key,
        "task": "classification",
        "label": "late",
        "run_id": run_id,
        "model_id": model.metadata["model_id"],
        "rows": 800,
        "table_digest": table.metadata["digest"],
    }
    assert metrics.metadata["rows"] == 800 and metrics.metadata["calibration_windows"] == 5
    assert 0.7 < metrics.metadata["calibration_roc_auc"] < 1
    assert sorted(path.name for path in Path(model.path).parent.iterdir()) == ["model"]


def test_the_profile_holds_what_monitoring_needs(stored, people, fresh, mlflow_store):
    frame = people(800)
    _, model, _ = run(stored(frame), fresh)
    profile = load_profile(model.path)
    assert profile.rows == 800 and set(profile.columns) == {"age", "children", "member", "city"}
    assert profile.columns["age"].missing == frame["age"].isna().sum()
    assert profile.columns["city"].counts["Oslo"] == (frame["city"] == "Oslo").sum()
    assert profile.label.counts == {"True": 400, "False": 400}
    assert list(profile.importances.values)[:2] in (["age", "city"], ["city", "age"])
    assert len(profile.performance.windows) == 5 and profile.performance.note == ""
    assert profile.hashed_columns == tuple(sorted(frame.columns))
    assert list(load_sample(model.path)) == ["age", "children", "member", "city", "late"]
    other = pd.concat([frame.iloc[:3], people(3, seed=1)])
    assert seen_in_training(model.path, row_hashes(other, profile.hashed_columns)).tolist() == [True] * 3 + [False] * 3


def test_one_run_with_one_logged_model_holds_it_all(stored, people, fresh, mlflow_store):
    table = stored(people())
    (key, digest, run_id), model, metrics = run(table, fresh, experiment="trials")
    client = MlflowClient(mlflow_store)
    logged = client.get_run(run_id)
    assert logged.info.status == "FINISHED"
    assert client.get_experiment(logged.info.experiment_id).name == "trials"
    assert logged.data.params["parameters.max_iter"] == "10" and logged.data.params["label"] == "late"
    assert logged.data.metrics == {name: value for name, value in metrics.metadata.items()}
    assert logged.data.tags["kfp-lifecycle.content_key"] == key
    assert logged.inputs.dataset_inputs[0].dataset.digest == table.metadata["digest"][:36]
    found = client.get_logged_model(model.metadata["model_id"])
    assert found.status == "READY" and found.source_run_id == run_id
    assert found.tags["kfp-lifecycle.digest"] == digest
    names = [path.name for path in Path(found.artifact_location).iterdir()]
    assert {"MLmodel", "model.skops", "requirements.txt", "checksums.json", "profile"} <= set(names)


def test_a_forest_with_whole_number_parameters_trains(stored, people, fresh, mlflow_store):
    _, model, _ = run(
        stored(people()),
        fresh,
        estimator="sklearn.ensemble.RandomForestClassifier",
        parameters='{"n_estimators": 7, "max_depth": 3}',
        calibration_window="",
    )
    assert len(load_model(model.path)[-1].estimators_) == 7
    assert load_profile(model.path).performance.note == "no calibration was asked for"


@pytest.mark.parametrize("estimator", ["sklearn.linear_model.Ridge", "sklearn.ensemble.HistGradientBoostingRegressor"])
def test_a_regression_trains(stored, people, fresh, mlflow_store, estimator):
    frame = people(800)
    _, model, metrics = run(
        stored(frame), fresh, label="minutes", exclude=["id", "late"], estimator=estimator, parameters="{}"
    )
    signature = load_signature(model.path)
    assert signature.task == "regression" and signature.classes is None
    assert 0 < metrics.metadata["calibration_r2"] < 1 and metrics.metadata["calibration_rmse"] > 0
    assert load_profile(model.path).label.mean == pytest.approx(frame["minutes"].mean())


def test_three_classes_of_text_train(stored, people, fresh, mlflow_store):
    frame = people(600).assign(late=lambda rows: np.array(["no", "bit", "much"])[pd.qcut(rows["minutes"], 3).cat.codes])
    _, model, metrics = run(stored(frame), fresh)
    signature = load_signature(model.path)
    assert signature.classes == ("bit", "much", "no") and signature.positive_class is None
    assert 0.5 < metrics.metadata["calibration_roc_auc"] < 1


def test_without_a_time_column_there_is_no_calibration_and_the_profile_says_so(stored, people, fresh, mlflow_store):
    _, model, metrics = run(stored(people()), fresh, time_column="", exclude=["id", "minutes", "at"])
    assert load_profile(model.path).performance.note == "no time column was named"
    assert metrics.metadata["calibration_windows"] == 0


def test_dropped_columns_are_said(stored, people, fresh, mlflow_store, capsys):
    _, model, _ = run(stored(people().assign(same=1)), fresh)
    assert "column 'same' is dropped: it is 1 in every row" in capsys.readouterr().out
    assert "same" not in load_signature(model.path).names


def test_the_content_key_changes_with_what_decides_the_model_and_with_nothing_else(stored, people, fresh, mlflow_store):
    table = stored(people())
    keys = {}
    for name, changes in {
        "first": {},
        "again": {},
        "seed": {"seed": 1},
        "parameters": {"parameters": '{"max_iter": 11}'},
        "columns": {"exclude": ["id", "minutes", "member"]},
        "other rows": {"table": stored(people(seed=2))},
        "model name": {"model_name": "persons"},
    }.items():
        (keys[name], _, _), _, _ = run(changes.pop("table", table), fresh, name, calibration_window="", **changes)
    assert keys["first"] == keys["again"]
    assert len(set(keys.values())) == len(keys) - 1


def test_the_same_training_gives_the_same_answers(stored, people, fresh, mlflow_store):
    frame = people()
    table = stored(frame)
    answers = []
    for name in ("one", "two"):
        _, model, _ = run(
            table,
            fresh,
            name,
            estimator="sklearn.ensemble.RandomForestClassifier",
            parameters='{"n_estimators": 9}',
            calibration_window="",
            seed=5,
        )
        answers.append(load_model(model.path).predict_proba(model_inputs(frame, load_signature(model.path))))
    assert (answers[0] == answers[1]).all()


OWN = """
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def fitted(frame, label, parameters, seed):
    numbers = frame[["children"]]
    from sklearn.compose import make_column_transformer
    steps = make_pipeline(make_column_transformer((StandardScaler(), ["children"])), LogisticRegression(**parameters))
    return steps.fit(frame.drop(columns=label), frame[label])

def pipeline(frame, label, parameters, seed):
    from sklearn.compose import make_column_transformer
    return make_pipeline(make_column_transformer((StandardScaler(), ["children"])), LogisticRegression(**parameters))

def estimator(frame, label, parameters, seed):
    return RandomForestClassifier(3, random_state=seed)

def nothing(frame, label, parameters, seed):
    return 7

class Own(LogisticRegression):
    pass

def foreign(frame, label, parameters, seed):
    return Own()
"""


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "own_training.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("KFP_LIFECYCLE_IMPORT_ROOTS", "sklearn,own_training")


@pytest.mark.parametrize("function", ["fitted", "pipeline", "estimator"])
def test_the_users_function_trains(stored, people, fresh, mlflow_store, own_code, function):
    frame = people(800)
    parameters = "{}" if function == "estimator" else '{"C": 2.0}'
    _, model, metrics = run(stored(frame), fresh, estimator=f"own_training:{function}", parameters=parameters)
    signature = load_signature(model.path)
    assert signature.estimator == f"own_training:{function}" and signature.classes == (False, True)
    assert metrics.metadata["calibration_windows"] == 5
    assert len(load_model(model.path).predict(model_inputs(frame, signature))) == 800


@pytest.mark.parametrize(
    ("function", "message"), [("nothing", "returns a scikit-learn estimator, not int"), ("foreign", "own_training.Own")]
)
def test_a_function_whose_model_cannot_be_used_is_refused(
    stored, people, fresh, mlflow_store, own_code, function, message
):
    with pytest.raises(InputError, match=message):
        run(stored(people()), fresh, estimator=f"own_training:{function}", parameters="{}")


REFUSED = {
    "label missing": ({"label": "lat"}, "label='lat': expected a column of the table"),
    "unknown estimator": ({"estimator": "sklearn.ensemble.Forest"}, "estimator='sklearn.ensemble.Forest'"),
    "estimator of another root": ({"estimator": "os.path.join"}, "KFP_LIFECYCLE_IMPORT_ROOTS"),
    "parameter refused": ({"parameters": '{"max_itr": 3}'}, "max_iter"),
    "value refused": ({"parameters": '{"max_iter": -3}'}, "'max_iter' parameter"),
    "parameters no json": ({"parameters": "max_iter=3"}, "one JSON object"),
    "seed negative": ({"seed": -1}, "seed=-1"),
    "seed too large": ({"seed": 2**32}, "seed="),
    "model name": ({"model_name": "a/b"}, "model_name='a/b'"),
    "window": ({"calibration_window": "P1M"}, "calibration_window='P1M'"),
    "unsavable": ({"estimator": "sklearn.cluster.Birch", "parameters": "{}"}, "a classifier or a regressor"),
    "wrong task": ({"task": "regression"}, "task='regression'"),
    "more neighbours than rows": (
        {"estimator": "sklearn.neighbors.KNeighborsClassifier", "parameters": '{"n_neighbors": 800}'},
        "n_neighbors = 800",
    ),
    "text column without encoder": (
        {"parameters": '{"categorical_features": [1]}'},
        "expected an estimator that fits these 400 rows and 4 columns",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_leaves_no_model_and_no_run(stored, people, fresh, mlflow_store, changes, message, tmp_path):
    with pytest.raises(InputError) as caught:
        run(stored(people()), fresh, **changes)
    assert message in str(caught.value)
    assert list((tmp_path / "one").iterdir()) == []
    client = MlflowClient(mlflow_store)
    assert client.search_runs([e.experiment_id for e in client.search_experiments()]) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame[:0], "table='0 rows'"),
        (lambda frame: frame.assign(late=True), "at least two classes; every row is True"),
        (lambda frame: frame.assign(late=frame["late"].where(frame.index % 2 > 0)), "200 of 400 have none"),
        (lambda frame: frame.assign(at=frame["at"].where(frame.index < 0)), "a time in every row; 400"),
    ],
    ids=["empty", "one class", "labels missing", "times missing"],
)
def test_a_table_that_cannot_be_learned_from_is_refused(stored, people, fresh, mlflow_store, change, message):
    with pytest.raises(InputError, match=message):
        run(stored(change(people())), fresh)


def test_mlflow_that_cannot_be_reached_is_named_before_anything_is_trained(
    stored, people, fresh, monkeypatch, tmp_path
):
    from kfp_lifecycle.adapters import mlflow_connection

    monkeypatch.setattr(mlflow_connection, "PATIENCE", 0.5)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    with pytest.raises(InputError, match="MLFLOW_TRACKING_URI='http://127.0.0.1:9'") as caught:
        run(stored(people()), fresh)
    assert "secret" not in str(caught.value)
    assert list((tmp_path / "one").iterdir()) == []
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(InputError, match="MLFLOW_TRACKING_URI"):
        run(stored(people()), fresh, "two")


def test_a_run_that_is_given_is_adopted_and_nothing_is_logged_twice(stored, people, fresh, mlflow_store, monkeypatch):
    client = MlflowClient(mlflow_store)
    given = client.create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    (_, _, run_id), _, _ = run(stored(people()), fresh, calibration_window="")
    assert run_id == given
    adopted = client.get_run(given)
    # KFP's launcher logs parameters and metrics, and ends the run.
    assert adopted.data.params == {} and adopted.data.metrics == {} and adopted.info.status == "RUNNING"
    assert len(client.search_runs(["0"])) == 1 and len(client.search_experiments()) == 1


def test_training_against_a_real_server(stored, people, fresh, mlflow_uri):
    (_, digest, run_id), model, _ = run(stored(people()), fresh, model_name="people-on-a-server")
    client = MlflowClient(mlflow_uri)
    assert client.get_run(run_id).info.status == "FINISHED"
    found = client.get_logged_model(model.metadata["model_id"])
    assert found.artifact_location.startswith("mlflow-artifacts:") and found.status == "READY"
    assert {file.path for file in client.list_logged_model_artifacts(found.model_id)} >= {
        "MLmodel",
        "model.skops",
        "profile",
    }
    assert json.loads((Path(model.path) / "model.json").read_text())["label"] == "late"
    assert len(digest) == 64
