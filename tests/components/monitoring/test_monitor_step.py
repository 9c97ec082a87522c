"""Does the step answer rightly on rows that a real model served?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.components.monitoring.conftest import START, Trained, make_champion, make_rows, serve

from kfp_lifecycle.core.logged_rows import class_text

WEEK = pd.Timedelta(weeks=1)


def from_week(number: int, column: str, values: Callable[[pd.Series], Any]) -> Callable[[pd.DataFrame], None]:
    """Change one column from a week on; weeks count from the first row served."""

    def change(rows: pd.DataFrame) -> None:
        late = rows["at"] >= rows["at"].min().floor("D") + number * WEEK
        rows.loc[late, column] = values(rows.loc[late, column])

    return change


def test_rows_as_they_were_in_training_are_healthy(served, watch) -> None:
    answer = watch(served())
    assert answer.outcome == "healthy", answer.decision.reasons
    assert answer.window == "2013-05-20T00:00:00Z/2013-05-27T00:00:00Z"
    numbers = answer.decision.numbers
    assert numbers["rows"] == pytest.approx(900, abs=90)
    assert (numbers["judged_windows"], numbers["flagged_windows"], numbers["calibration_windows"]) == (3, 0, 8)
    assert 0.01 < numbers["expected_false_retrains_per_100_windows"] < 0.02
    assert answer.metrics == pytest.approx(numbers)


def test_a_lasting_loss_asks_for_a_retrain_whatever_the_columns_do(served, watch) -> None:
    answer = watch(served(change=from_week(1, "late", lambda late: ~late)))
    assert answer.outcome == "retrain"
    assert "log_loss is worse" in answer.reason
    assert answer.decision.numbers["flagged_windows"] == 3
    assert answer.decision.numbers["drifted_columns"] == 0


def test_one_bad_window_is_told_and_starts_nothing(served, watch) -> None:
    answer = watch(served(change=from_week(3, "late", lambda late: ~late)))
    assert answer.outcome == "alert"
    assert "1 of the last 3" in answer.reason


def test_a_column_that_matters_alerts_when_it_drifts_and_one_that_does_not_is_only_shown(served, watch) -> None:
    shifted = watch(served(change=from_week(1, "age", lambda age: age + 9)), drop=5.0)
    assert shifted.outcome == "alert", "a drop that large is none here, so the drift alone speaks"
    assert "age (PSI" in shifted.reason
    harmless = watch(served(change=from_week(1, "pages", lambda pages: pages + 25)))
    assert harmless.outcome == "healthy"
    assert harmless.decision.numbers["largest_psi"] > 1
    assert "a p-value alone would have rung in 3 of them" in " ".join(harmless.decision.reasons)


def test_both_engines_say_the_same(served, watch) -> None:
    rows = served(change=from_week(1, "age", lambda age: age + 2))
    one, two = watch(rows), watch(rows, engine="alibi-detect")
    assert one.outcome == two.outcome
    assert one.decision.numbers == pytest.approx(two.decision.numbers, rel=1e-5)


def test_without_an_engine_only_performance_is_judged(served, watch) -> None:
    answer = watch(served(change=from_week(1, "age", lambda age: age + 2)), engine="none")
    assert answer.outcome in ("healthy", "alert")
    assert "largest_psi" not in answer.decision.numbers


def test_a_joint_test_sees_what_no_column_shows(served, watch) -> None:
    def correlate(rows: pd.DataFrame) -> None:
        order = np.argsort(np.argsort(rows["age"].fillna(40).to_numpy()))
        rows["pages"] = np.sort(rows["pages"].to_numpy())[order]

    answer = watch(served(change=correlate), joint="classifier")
    assert answer.outcome == "alert"
    assert "ClassifierDrift" in answer.reason
    assert answer.decision.numbers["drifted_columns"] == 0
    # Twice drift_p a window, as it alerts by its own p.
    assert answer.decision.numbers["expected_false_alerts_per_100_windows"] == pytest.approx(0.1184)


def test_the_whole_training_table_can_be_the_reference(served, watch, champion, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("KFP_LIFECYCLE_REFERENCE_CACHE", str(tmp_path / "cache"))
    rows = served()
    answer = watch(rows, reference="table", reference_uri=str(champion.training))
    assert answer.outcome == "healthy"
    kept = sorted((tmp_path / "cache").rglob("*.npy"))
    assert kept, "sorted columns are kept outside of the model"
    before = [path.stat().st_mtime_ns for path in kept]
    again = watch(rows, reference="table", reference_uri=str(champion.training))
    assert again.decision.numbers == answer.decision.numbers
    assert [path.stat().st_mtime_ns for path in kept] == before


def test_without_a_folder_for_it_no_value_of_the_training_rows_is_kept(
    served, watch, champion, monkeypatch, tmp_path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KFP_LIFECYCLE_REFERENCE_CACHE", "")
    assert watch(served(), reference="table", reference_uri=str(champion.training)).outcome == "healthy"
    assert list(home.rglob("*.npy")) == []


def test_rows_that_count_for_nothing_or_for_want_of_a_version_are_told(served, watch) -> None:
    plain = served(weeks=5)
    rows = plain.assign(
        _event_time=plain["_event_time"].where(plain.index % 9 != 0),
        _model_version=plain["_model_version"].astype(object).where(plain.index % 7 != 0, None),
    )
    times = rows["_event_time"]
    inside = (times >= START + 17 * WEEK) & (times < START + 20 * WEEK)
    answer = watch(rows)
    counts = {
        "rows_without_time": int(times.isna().sum()),
        "rows_outside_windows": int((times.notna() & ~inside).sum()),
        "rows_of_no_named_version": int((inside & rows["_model_version"].isna()).sum()),
    }
    assert {name: answer.decision.numbers[name] for name in counts} == counts
    told = " ".join(answer.decision.reasons)
    assert all(f"{count} rows " in told for count in counts.values())
    clean = watch(plain[(plain["_event_time"] >= START + 17 * WEEK) & (plain["_event_time"] < START + 20 * WEEK)])
    assert [clean.decision.numbers[name] for name in counts] == [0, 0, 0]
    assert " rows " not in " ".join(clean.decision.reasons)


def test_labels_that_are_still_to_come_count_for_nothing(served, watch) -> None:
    rows = served(change=from_week(2, "late", lambda late: ~late))
    assert watch(rows).outcome == "retrain"
    lagging = watch(rows, label_lag="P14D", windows=2)
    assert lagging.outcome == "healthy", lagging.decision.reasons
    # The two bad weeks are shown all the same, as not complete.
    assert lagging.decision.numbers["judged_windows"] == 2


def test_rows_of_another_version_and_refused_rows_say_nothing_of_the_model(served, watch) -> None:
    good, bad = served(), served(seed=5)
    bad["late"] = ~bad["late"]
    other = pd.concat([good, bad.assign(_model_version="77", _score=0.99)], ignore_index=True)
    answer = watch(other)
    assert answer.outcome == "healthy", answer.decision.reasons
    assert answer.decision.numbers["largest_psi"] < 0.1, "nor do its scores count as this version's"
    refused = pd.concat([good, bad.assign(_status=503)], ignore_index=True)
    assert watch(refused).outcome == "healthy"
    assert watch(pd.concat([good, bad], ignore_index=True)).outcome == "retrain"


def test_too_few_labels_are_insufficient_and_say_how_many(served, watch) -> None:
    rows = served()
    rows["late"] = rows["late"].astype(object).where(rows.index % 10 == 0, None)
    answer = watch(rows)
    assert answer.outcome == "insufficient_data"
    assert "200 are needed" in answer.reason


def test_an_empty_window_is_insufficient_data(served, watch) -> None:
    answer = watch(served(), as_of="2014-01-01")
    assert answer.outcome == "insufficient_data"


@pytest.mark.parametrize(("share", "outcome"), [(0.04, "healthy"), (0.3, "data_fault")])
def test_labels_of_an_unknown_class_are_told_and_many_are_a_fault(served, watch, share: float, outcome: str) -> None:
    rows = served()
    unknown = np.random.default_rng(0).random(len(rows)) < share
    rows["late"] = rows["late"].map(class_text).where(~unknown, "perhaps")
    answer = watch(rows)
    assert answer.outcome == outcome, answer.decision.reasons
    assert answer.decision.numbers["faults"] == (3 if outcome == "data_fault" else 0)
    assert any("late: " in reason and "are no class" in reason for reason in answer.decision.reasons)


def test_rows_without_probabilities_are_told_apart_from_unknown_labels(served, watch) -> None:
    rows = served()
    rows.loc[rows.index % 10 == 0, "_score"] = None
    answer = watch(rows)
    assert answer.outcome == "healthy", answer.decision.reasons
    told = " ".join(answer.decision.reasons)
    assert "labelled rows have no probabilities" in told
    assert "are no class" not in told
    few = watch(rows.assign(_score=rows["_score"].where(rows.index % 10 == 1)))
    assert few.outcome == "insufficient_data"
    assert "rows have no probabilities" in few.reason


@pytest.mark.parametrize("engine", ["native", "none"])
def test_a_log_that_stopped_a_week_ago_is_insufficient_data(served, watch, engine: str) -> None:
    answer = watch(served(weeks=3), engine=engine)
    assert answer.outcome == "insufficient_data"
    assert "has 0 rows, and 200 are needed" in answer.reason


@pytest.mark.parametrize(("policy", "outcome"), [("alert", "alert"), ("challenger", "retrain")])
def test_without_labels_the_chosen_policy_says_what_a_drift_means(served, watch, policy: str, outcome: str) -> None:
    rows = served(change=from_week(1, "age", lambda age: age + 9)).drop(columns="late")
    answer = watch(rows, label="", without_labels=policy)
    assert answer.outcome == outcome
    assert ("challenger" in answer.reason) == (outcome == "retrain")


def test_rows_of_a_day_are_compared_with_the_same_weekday(mlflow_server, monkeypatch, tmp_path, watch) -> None:
    daily = make_champion(tmp_path, mlflow_server, make_rows(0, 12, seed=3), calibration_window="P1D")
    for variable, value in daily.environment.items():
        monkeypatch.setenv(variable, value)
    rows = make_rows(12, 1, seed=4)
    as_of = str(START + 13 * WEEK)
    healthy = watch(serve(rows, daily), daily, as_of=as_of, min_rows=50)
    assert healthy.outcome == "healthy", healthy.decision.reasons
    assert healthy.window == "2013-04-07T00:00:00Z/2013-04-08T00:00:00Z"
    assert healthy.decision.numbers["calibration_windows"] == 28
    bad = rows.assign(late=~rows["late"])
    assert watch(serve(bad, daily), daily, as_of=as_of, min_rows=50).outcome == "retrain"
    weekly = watch(serve(rows, daily), daily, as_of=as_of, window="P7D", windows=1, needed=1)
    assert weekly.outcome == "insufficient_data"
    assert "calibration windows are 1 day" in weekly.reason


def test_a_regression_is_watched_by_r_squared(mlflow_server, monkeypatch, tmp_path, watch) -> None:
    def minutes(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(minutes=rows["age"].fillna(40) + rows["late"] * 5).drop(columns="late")

    asked = {"label": "minutes", "estimator": "sklearn.linear_model.Ridge"}
    model = make_champion(tmp_path, mlflow_server, minutes(make_rows(0, 8, seed=3)), **asked)
    for variable, value in model.environment.items():
        monkeypatch.setenv(variable, value)
    rows = minutes(make_rows(8, 3, seed=4))
    as_of = str(START + 11 * WEEK)
    answer = watch(_regressed(rows, model), model, as_of=as_of, label="minutes")
    assert answer.outcome == "healthy", answer.decision.reasons
    worse = rows.assign(minutes=np.random.default_rng(0).permutation(rows["minutes"].to_numpy()))
    assert watch(_regressed(worse, model), model, as_of=as_of, label="minutes").outcome == "retrain"


def _regressed(rows: pd.DataFrame, model: Trained) -> pd.DataFrame:
    from kfp_lifecycle.core.inputs import model_inputs
    from kfp_lifecycle.core.model import load_model
    from kfp_lifecycle.core.signature import load_signature

    predicted = load_model(model.directory).predict(model_inputs(rows, load_signature(model.directory)))
    return rows.assign(_event_time=rows["at"], _prediction=predicted, _score=predicted)


def test_three_classes_are_measured_by_all_their_probabilities(mlflow_server, monkeypatch, tmp_path, watch) -> None:
    def sized(rows: pd.DataFrame) -> pd.DataFrame:
        size = np.where(rows["late"], "large", np.where(rows["city"] == "Bern", "small", "medium"))
        return rows.assign(size=size).drop(columns="late")

    model = make_champion(tmp_path, mlflow_server, sized(make_rows(0, 8, seed=3)), label="size")
    for variable, value in model.environment.items():
        monkeypatch.setenv(variable, value)
    rows = sized(make_rows(8, 3, seed=4))
    as_of = str(START + 11 * WEEK)
    answer = watch(_three(rows, model), model, as_of=as_of, label="size")
    assert answer.outcome == "healthy", answer.decision.reasons
    assert answer.decision.numbers["log_loss"] == pytest.approx(answer.decision.numbers["calibration_mean"], abs=0.1)
    assert "_score" in answer.page
    swapped = rows.assign(size=rows["size"].map({"large": "small", "small": "large", "medium": "medium"}))
    assert watch(_three(swapped, model), model, as_of=as_of, label="size").outcome == "retrain"
    foreign = watch(_three(rows.assign(size="huge"), model), model, as_of=as_of, label="size")
    assert foreign.outcome == "data_fault"
    assert "(100.0%) are no class or number of the model" in foreign.reason


def _three(rows: pd.DataFrame, model: Trained) -> pd.DataFrame:
    from kfp_lifecycle.core.inputs import model_inputs
    from kfp_lifecycle.core.model import load_model
    from kfp_lifecycle.core.signature import load_signature

    signature, estimator = load_signature(model.directory), load_model(model.directory)
    inputs = model_inputs(rows, signature)
    scores = estimator.predict_proba(inputs)
    logged = {f"_score_{number}": scores[:, number] for number in range(3)}
    return rows.assign(
        _event_time=rows["at"], _prediction=estimator.predict(inputs), _score=scores.max(axis=1), **logged
    )
