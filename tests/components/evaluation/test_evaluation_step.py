"""The step evaluate, with a real registry and exported champions."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from kfp_lifecycle.components.evaluation.evaluation import evaluate
from kfp_lifecycle.core.checksums import ChecksumError
from kfp_lifecycle.core.decision import load_decision
from kfp_lifecycle.core.errors import InputError

# The bootstrap of the tests: enough for what they tell apart.
ROUNDS = 200


class Run:
    """One evaluation and what it wrote."""

    def __init__(self, folder: Path, model, holdout, artifact, **settings):
        folder.mkdir()
        made = {name: artifact(str(folder / name)) for name in ("decision", "metrics", "curves", "report")}
        values = {"model_name": "people", "bootstrap_rounds": ROUNDS} | settings
        (self.outcome,) = evaluate(model=model, holdout=holdout, **made, **values)
        self.decision = load_decision(made["decision"].path)
        self.metrics, self.curves = made["metrics"].metadata, made["curves"].metadata
        self.report = Path(made["report"].path).read_text(encoding="utf-8")
        assert self.decision.outcome == self.outcome


@pytest.fixture
def judge(tmp_path, mlflow_store):
    from itertools import count

    numbers = count()

    def run(model, holdout, **settings):
        return Run(tmp_path / f"run-{next(numbers)}", model, holdout, type(model), **settings)

    return run


def test_the_first_model_passes_by_the_floor_alone(judge, seal, store, rows):
    found = judge(seal(rows(500, 1)), store(rows(800, 2)))
    assert found.outcome == "pass"
    assert found.decision.reasons[0].startswith("better than a constant answer in roc_auc")
    assert found.decision.reasons[-1] == "people has no champion in prod yet"
    assert found.decision.numbers["rows"] == 800 and found.metrics["candidate_roc_auc"] > 0.75
    assert found.decision.inputs["champion_version"] == ""


def test_everything_that_kfp_gets_is_finite(judge, seal, store, rows, crown):
    crown(seal(rows(500, 3)))
    found = judge(seal(rows(500, 1), DecisionTreeClassifier()), store(rows(800, 2)))
    assert all(math.isfinite(value) for value in found.metrics.values())
    json.dumps(found.curves, allow_nan=False)
    assert 2 <= len(found.curves["confidenceMetrics"]) <= 200
    assert sum(sum(row["row"]) for row in found.curves["confusionMatrix"]["rows"]) == 800
    assert [each["displayName"] for each in found.curves["confusionMatrix"]["annotationSpecs"]] == ["False", "True"]


def test_a_model_of_nothing_fails_at_the_floor(judge, seal, store, rows):
    frame = rows(500, 1)
    shuffled = frame.assign(late=np.random.default_rng(0).permutation(frame["late"]))
    found = judge(seal(shuffled), store(rows(800, 2).assign(a=0.0, b=0.0)))
    assert found.outcome == "fail"
    assert found.decision.reasons[0].startswith("not shown to be better than a constant answer")


def test_a_candidate_as_good_as_the_champion_passes(judge, seal, store, rows, crown):
    version = crown(seal(rows(900, 3)))
    found = judge(seal(rows(900, 1)), store(rows(3000, 2)))
    assert found.outcome == "pass" and found.decision.inputs["champion_version"] == version
    assert found.decision.reasons[0].startswith("not worse than the champion in roc_auc by more than 0.01")
    assert found.decision.numbers["champion_lower"] > -0.01
    assert "champion_roc_auc" in found.metrics


def test_a_candidate_that_is_worse_fails(judge, seal, store, rows, crown):
    crown(seal(rows(900, 3)))
    found = judge(seal(rows(900, 1), DecisionTreeClassifier(random_state=0)), store(rows(2000, 2)))
    assert found.outcome == "fail"
    assert found.decision.reasons[0].startswith("worse than the champion in roc_auc by more than 0.01")


def test_a_candidate_identical_to_the_champion_passes_whatever_the_rows(judge, seal, store, rows, crown):
    candidate = seal(rows(500, 1))
    crown(candidate)
    found = judge(candidate, store(rows(20, 2)))
    assert found.outcome == "pass"
    assert found.decision.reasons[0] == "the candidate is the champion itself: nothing would change"


def test_a_candidate_that_answers_as_the_champion_does_passes_without_a_margin(judge, seal, store, rows, crown):
    frame = rows(500, 1)
    crown(seal(frame))
    found = judge(seal(frame, LogisticRegression()), store(rows(400, 2)), margin=0.0)
    assert found.outcome == "pass" and found.decision.numbers["champion_upper"] == 0.0
    assert found.decision.inputs["champion_digest"] != found.decision.inputs["candidate_digest"]


def test_too_few_rows_are_neither_pass_nor_fail_and_the_rows_needed_are_named(
    judge, seal, store, rows, crown, boosting
):
    found = judge(seal(rows(500, 1)), store(rows(150, 2)))
    assert found.outcome == "too_few_rows"
    assert (
        found.decision.reasons[0].startswith("150 rows can be used") and "200 are needed" in found.decision.reasons[0]
    )
    crown(seal(rows(900, 3), boosting))
    again = judge(seal(rows(900, 1), boosting), store(rows(250, 2)), margin=0.005)
    assert again.outcome == "too_few_rows"
    assert re.search(r"about [\d,]+ rows", again.decision.reasons[0])
    assert again.decision.numbers["champion_rows_needed"] > 1000


def test_rows_that_either_model_was_trained_on_are_left_out(judge, seal, store, rows, crown):
    import pandas as pd

    ours, theirs, fresh = rows(300, 1), rows(300, 3), rows(600, 2)
    crown(seal(theirs))
    found = judge(seal(ours), store(pd.concat([fresh, ours[:100], theirs[:50]])))
    assert found.decision.numbers["holdout_rows"] == 750 and found.decision.numbers["rows"] == 600
    assert found.decision.numbers["rows_of_candidate_training"] == 100
    assert found.decision.numbers["rows_of_champion_training"] == 50


def test_a_holdout_of_training_rows_alone_is_no_holdout(judge, seal, store, rows):
    frame = rows(500, 1)
    found = judge(seal(frame), store(frame))
    assert found.outcome == "too_few_rows" and found.decision.numbers["rows"] == 0
    assert "Measurements" not in found.report


def test_rows_of_one_class_cannot_be_judged_by_auc(judge, seal, store, rows):
    found = judge(seal(rows(500, 1)), store(rows(900, 2).query("late")))
    assert found.outcome == "too_few_rows" and "roc_auc is not defined" in found.decision.reasons[0]


def test_a_champion_of_other_columns_is_a_reason_to_refuse(judge, seal, store, rows, crown):
    crown(seal(rows(500, 3), columns=("a",)))
    found = judge(seal(rows(500, 1)), store(rows(800, 2)))
    assert found.outcome == "fail" and "it adds 'b'" in found.decision.reasons[0]
    crown(seal(rows(500, 3), Ridge(), label="minutes"))
    found = judge(seal(rows(500, 1)), store(rows(800, 2)))
    assert found.outcome == "fail" and "predicts 'late' and the champion 'minutes'" in found.decision.reasons[0]


def test_a_champion_whose_training_rows_cannot_be_told_is_a_reason_to_refuse(judge, seal, store, rows, crown):
    crown(seal(rows(500, 3).assign(batch="x")))
    found = judge(seal(rows(500, 1)), store(rows(800, 2)))
    assert found.outcome == "fail" and "lacks column 'batch'" in found.decision.reasons[0]


def test_each_environment_has_its_own_champion(judge, seal, store, rows, crown):
    crown(seal(rows(500, 3)), alias="champion-staging")
    found = judge(seal(rows(500, 1)), store(rows(800, 2)))
    assert found.decision.inputs["champion_version"] == ""
    found = judge(seal(rows(500, 1)), store(rows(3000, 2)), environment="staging")
    assert found.decision.inputs["champion_version"] == "1"


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "f1", "brier", "average_precision", "balanced_accuracy"])
def test_any_metric_may_decide_whichever_way_it_runs(judge, seal, store, rows, crown, metric):
    crown(seal(rows(900, 3)))
    good = judge(seal(rows(900, 1)), store(rows(3000, 2)), metric=metric, margin=0.03)
    assert good.outcome == "pass" and good.decision.inputs["metric"] == metric
    bad = judge(seal(rows(900, 1), DecisionTreeClassifier(random_state=0)), store(rows(3000, 2)), metric=metric)
    assert bad.outcome == "fail"


@pytest.mark.parametrize("metric", ["", "rmse", "mae"])
def test_a_regression_is_judged_too(judge, seal, store, rows, crown, metric):
    crown(seal(rows(900, 3), Ridge(), label="minutes"))
    found = judge(seal(rows(900, 1), Ridge(), label="minutes"), store(rows(2000, 2)), metric=metric)
    assert found.outcome == "pass" and found.decision.inputs["metric"] == (metric or "r2")
    assert found.curves == {} and "ROC" not in found.report
    worse = judge(seal(rows(900, 1), Ridge(alpha=3000), label="minutes"), store(rows(2000, 2)), metric=metric)
    assert worse.outcome == "fail"


def test_three_classes_are_judged_by_accuracy_unless_somebody_says_otherwise(judge, seal, store, rows):
    import pandas as pd

    def graded(frame):
        return frame.assign(late=np.array(["no", "bit", "much"])[pd.cut(frame["minutes"], [-99, -1, 1, 99]).cat.codes])

    found = judge(seal(graded(rows(900, 1))), store(graded(rows(900, 2))))
    assert found.outcome == "pass" and found.decision.inputs["metric"] == "accuracy"
    assert "confidenceMetrics" not in found.curves and len(found.curves["confusionMatrix"]["rows"]) == 3
    assert judge(seal(graded(rows(900, 1))), store(graded(rows(900, 2))), metric="log_loss").outcome == "pass"


def test_a_classifier_without_probabilities_is_judged_by_what_it_has(judge, seal, store, rows, crown):
    found = judge(seal(rows(500, 1), LinearSVC()), store(rows(800, 2)))
    assert found.outcome == "pass" and "candidate_log_loss" not in found.metrics
    with pytest.raises(InputError, match=r"metric='log_loss'.*accuracy or f1"):
        judge(seal(rows(500, 1), LinearSVC()), store(rows(800, 2)), metric="log_loss")
    crown(seal(rows(500, 3), LinearSVC()))
    found = judge(seal(rows(500, 1)), store(rows(800, 2)), metric="log_loss")
    assert found.outcome == "fail" and "the champion cannot be measured by log_loss" in found.decision.reasons[0]


def test_the_same_inputs_give_the_same_verdict_and_page(judge, seal, store, rows, crown):
    crown(seal(rows(500, 3)))
    model, holdout = seal(rows(500, 1)), store(rows(800, 2))
    one, two = judge(model, holdout, seed=7), judge(model, holdout, seed=7)
    assert one.decision == two.decision and one.report == two.report and one.curves == two.curves
    assert judge(model, holdout, seed=8).decision.numbers["champion_lower"] != one.decision.numbers["champion_lower"]


def test_the_page_shows_what_was_decided_and_nothing_runs_in_it(judge, seal, store, rows, crown):
    crown(seal(rows(500, 3)))
    found = judge(seal(rows(500, 1)), store(rows(3000, 2)))
    assert found.outcome in found.report and "<script" not in found.report and "<svg" in found.report
    assert found.decision.inputs["candidate_digest"] in found.report
    assert "constant answer" in found.report and "said True" in found.report
    assert len(found.report) < 200_000


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "auc"}, "metric='auc'"),
        ({"metric": "rmse"}, "a metric of a classification"),
        ({"margin": -0.1}, "margin=-0.1"),
        ({"margin": math.nan}, "margin=nan"),
        ({"min_rows": 0}, "min_rows=0"),
        ({"bootstrap_rounds": 5}, "bootstrap_rounds=5"),
        ({"model_name": "a/b"}, "model_name='a/b'"),
        ({"environment": "Prod!"}, "environment='Prod!'"),
    ],
)
def test_parameters_that_cannot_be_are_refused(judge, seal, store, rows, settings, message):
    with pytest.raises(InputError, match=re.escape(message)):
        judge(seal(rows(100, 1)), store(rows(100, 2)), **settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="b"), "'b'"),
        (lambda frame: frame.drop(columns="late"), "'late'"),
        (lambda frame: frame.drop(columns="id"), "holdout='id'"),
        (lambda frame: frame.assign(late=frame["late"].where(frame.index > 3)), "4 missing labels"),
        (lambda frame: frame.assign(late=frame["late"].map({True: "yes", False: "no"})), "one of the model's classes"),
        (lambda frame: frame.assign(a=frame["a"].astype(str)), "values of type number"),
    ],
    ids=["column", "label", "identity", "missing labels", "other labels", "other type"],
)
def test_a_holdout_that_does_not_fit_the_model_is_refused(judge, seal, store, rows, change, message):
    with pytest.raises(InputError, match=message):
        judge(seal(rows(100, 1)), store(change(rows(300, 2))))


def test_a_model_that_was_changed_is_not_judged(judge, seal, store, rows, crown, tmp_path):
    model, holdout = seal(rows(100, 1)), store(rows(300, 2))
    content = bytearray((Path(model.path) / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (Path(model.path) / "model.skops").write_bytes(content)
    with pytest.raises(ChecksumError, match=r"model\.skops was changed"):
        judge(model, holdout)
    champion = seal(rows(100, 3))
    crown(champion)
    exported = tmp_path / "models-root" / "people" / champion.metadata["digest"] / "profile" / "profile.json"
    exported.chmod(0o644)
    exported.write_text("{}")
    with pytest.raises(ChecksumError, match=r"profile/profile\.json was changed"):
        judge(seal(rows(100, 1)), holdout)


def test_a_champion_that_register_did_not_make_is_named(judge, seal, store, rows, mlflow_store):
    client = MlflowClient(mlflow_store)
    client.create_registered_model("people")
    logged = client.create_logged_model(experiment_id="0")
    version = client.create_model_version("people", f"models:/{logged.model_id}", model_id=logged.model_id).version
    client.set_registered_model_alias("people", "champion", version)
    with pytest.raises(InputError, match="a champion that register made; version 1 has no tag kfp-lifecycle.uri"):
        judge(seal(rows(100, 1)), store(rows(300, 2)))
