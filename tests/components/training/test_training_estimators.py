"""Which estimators may be imported, and which parameters they take."""

import pytest
from sklearn.ensemble import RandomForestClassifier

from kfp_lifecycle.components.training.estimators import make_estimator, parse_parameters
from kfp_lifecycle.components.training.user_code import code_digest, import_function
from kfp_lifecycle.core.errors import InputError

FOREST = "sklearn.ensemble.RandomForestClassifier"


def test_whole_numbers_stay_whole():
    parameters = parse_parameters('{"n_estimators": 7, "max_depth": null, "max_features": 0.5}')
    made = make_estimator(FOREST, parameters, seed=3)
    assert isinstance(made, RandomForestClassifier) and type(made.n_estimators) is int
    assert made.random_state == 3


def test_a_random_state_among_the_parameters_stays():
    assert make_estimator(FOREST, {"random_state": 9}, seed=3).random_state == 9


def test_an_estimator_without_a_random_state_takes_no_seed():
    assert not hasattr(make_estimator("sklearn.neighbors.KNeighborsClassifier", {}, seed=3), "random_state")


@pytest.mark.parametrize("text", ["{", "[1]", "7", '{"a": NaN}', '{"a": Infinity}', "{'a': 1}"])
def test_parameters_that_are_no_json_object_are_refused(text):
    with pytest.raises(InputError, match="^parameters="):
        parse_parameters(text)


def test_a_root_that_is_not_allowed_is_named_with_the_setting(monkeypatch):
    monkeypatch.setenv("KFP_LIFECYCLE_IMPORT_ROOTS", "sklearn,acme.models")
    with pytest.raises(InputError) as caught:
        make_estimator("os.path.join", {}, 0)
    assert str(caught.value).startswith("estimator='os.path.join': expected an import path below an allowed root; 'os'")
    assert "sklearn, acme.models" in str(caught.value) and "KFP_LIFECYCLE_IMPORT_ROOTS" in str(caught.value)
    with pytest.raises(InputError, match="allowed root"):
        make_estimator("acme.other.Model", {}, 0)
    with pytest.raises(InputError, match="allowed root"):
        make_estimator("sklearnish.Model", {}, 0)


def test_a_class_that_an_allowed_module_only_hands_on_is_refused(tmp_path, monkeypatch):
    (tmp_path / "mine_c.py").write_text("from mine_d import Own\n")
    (tmp_path / "mine_d.py").write_text("from sklearn.linear_model import Ridge\nclass Own(Ridge):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("KFP_LIFECYCLE_IMPORT_ROOTS", "mine_c")
    with pytest.raises(InputError, match="'mine_d' is not among mine_c"):
        make_estimator("mine_c.Own", {}, 0)
    monkeypatch.setenv("KFP_LIFECYCLE_IMPORT_ROOTS", "mine_c,mine_d")
    assert type(make_estimator("mine_c.Own", {}, 0)).__name__ == "Own"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("sklearn", "a dotted import path"),
        ("sklearn.nowhere.Model", "a module that can be imported"),
        ("sklearn.ensemble.RandomForestClasifier", "Did you mean: RandomForestClassifier"),
        ("sklearn.metrics.roc_auc_score", "a scikit-learn estimator class"),
        ("sklearn.base.BaseEstimator", "a classifier or a regressor"),
        ("sklearn.preprocessing.StandardScaler", "a classifier or a regressor"),
        ("sklearn.cluster.KMeans", "a classifier or a regressor"),
        ("sklearn.ensemble.VotingClassifier", "missing 1 required positional argument: 'estimators'"),
    ],
)
def test_a_path_that_leads_to_no_estimator_is_refused(path, message):
    with pytest.raises(InputError, match=message):
        make_estimator(path, {}, 0)


def test_an_unknown_parameter_is_named_with_those_that_the_estimator_takes():
    with pytest.raises(InputError) as caught:
        make_estimator(FOREST, {"n_estimator": 5}, 0)
    assert "parameters='n_estimator'" in str(caught.value)
    assert "n_estimators" in str(caught.value) and "max_depth" in str(caught.value)


@pytest.mark.parametrize("parameters", [{"n_estimators": "many"}, {"n_estimators": 100.0}, {"max_features": -1}])
def test_a_value_that_the_estimator_refuses_is_refused_before_any_fit(parameters):
    with pytest.raises(InputError, match=f"'{next(iter(parameters))}' parameter of RandomForestClassifier must be"):
        make_estimator(FOREST, parameters, 0)


def test_the_users_function_must_lie_below_an_allowed_root_too(tmp_path, monkeypatch):
    (tmp_path / "mine_a.py").write_text("def build(frame, label, parameters, seed): ...\nVALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="'mine_a' is not among sklearn"):
        import_function("mine_a:build")
    monkeypatch.setenv("KFP_LIFECYCLE_IMPORT_ROOTS", "mine_a")
    assert import_function("mine_a:build").__name__ == "build"
    with pytest.raises(InputError, match="a function"):
        import_function("mine_a:VALUE")
    with pytest.raises(InputError, match="a name that mine_a has"):
        import_function("mine_a:biuld")


def test_code_changes_its_digest_and_so_do_its_neighbours(tmp_path, monkeypatch):
    monkeypatch.setenv("KFP_LIFECYCLE_IMPORT_ROOTS", "mine_b")
    package = tmp_path / "mine_b" / "deep"
    package.mkdir(parents=True)
    (tmp_path / "mine_b" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "code.py").write_text("def build(frame, label, parameters, seed): ...\n")
    (tmp_path / "mine_b" / "helper.py").write_text("A = 1\n")
    (tmp_path / "mine_b" / "notes.txt").write_text("1")
    monkeypatch.syspath_prepend(str(tmp_path))
    import_function("mine_b.deep.code:build")
    before = code_digest("mine_b.deep.code:build")
    (tmp_path / "mine_b" / "notes.txt").write_text("2")
    assert code_digest("mine_b.deep.code:build") == before
    (tmp_path / "mine_b" / "helper.py").write_text("A = 2\n")
    assert code_digest("mine_b.deep.code:build") != before


def test_a_librarys_estimator_has_the_digest_of_its_version(monkeypatch):
    import sklearn

    before = code_digest(FOREST)
    assert before == code_digest("sklearn.linear_model.Ridge")
    monkeypatch.setattr(sklearn, "__version__", "0.0")
    assert code_digest(FOREST) != before
