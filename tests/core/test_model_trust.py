"""Every estimator of scikit-learn can be saved and loaded with our own list, or has its reason here."""

import importlib
import inspect
import warnings

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectKBest, chi2, mutual_info_classif, r_regression
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct, Matern, RationalQuadratic, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, TweedieRegressor
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, TimeSeriesSplit
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder
from sklearn.utils import all_estimators, get_tags
from sklearn.utils._test_common.instance_generator import _construct_instances

from kfp_lifecycle.core.trees import check_trees
from kfp_lifecycle.core.trust import TRUSTED_TYPES, UntrustedTypeError, check_types

RANDOM = np.random.default_rng(0)
X = np.abs(RANDOM.normal(size=(60, 4))) + 0.1
CLASSES = (X[:, 0] > X[:, 1]).astype(int)
VALUES = X[:, 0] * 2 + X[:, 1]
TEXTS = ["red green", "green blue", "blue red"] * 20

UNSUPPORTED = {"Birch": "skops itself cannot save its linked tree of nodes"}


def fit(estimator: BaseEstimator) -> BaseEstimator:
    """Fit on what this estimator takes."""
    name, tags = type(estimator).__name__, get_tags(estimator)
    if name in ("LabelBinarizer", "LabelEncoder"):
        return estimator.fit(CLASSES)
    if name == "MultiLabelBinarizer":
        return estimator.fit([[a] for a in CLASSES])
    if name == "DictVectorizer":
        return estimator.fit([{"a": a} for a in CLASSES])
    if name in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
        return estimator.fit(TEXTS)
    if name == "IsotonicRegression":
        return estimator.fit(X[:, 0], VALUES)
    if name == "SparseCoder":
        return estimator.set_params(dictionary=np.eye(4)).fit(X)
    if tags.input_tags.pairwise:
        return estimator.fit(X @ X.T, CLASSES)
    labels = VALUES if tags.estimator_type == "regressor" else CLASSES
    if tags.target_tags.two_d_labels or (tags.target_tags.multi_output and not tags.target_tags.single_output):
        labels = np.column_stack([labels, labels])
    return estimator.fit(X, labels)


def round_trip(fitted: BaseEstimator) -> BaseEstimator:
    content = skops.io.dumps(fitted)
    loaded = skops.io.loads(content, trusted=check_types(skops.io.get_untrusted_types(data=content)))
    check_trees(loaded)
    return loaded


def test_the_list_of_what_cannot_be_supported_is_up_to_date():
    assert set(UNSUPPORTED) <= {name for name, _ in all_estimators()}
    with pytest.raises(TypeError, match="not supported"):
        skops.io.dumps(all_estimators_by_name()["Birch"]().fit(X))


def all_estimators_by_name() -> dict[str, type]:
    return dict(all_estimators())


@pytest.mark.parametrize("name", sorted(set(all_estimators_by_name()) - set(UNSUPPORTED) - {"FrozenEstimator"}))
def test_every_estimator_is_saved_and_loaded_with_our_list(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator in _construct_instances(all_estimators_by_name()[name]):
            if "random_state" in estimator.get_params():
                estimator.set_params(random_state=0)
            fitted = fit(estimator)
            loaded = round_trip(fitted)
            if hasattr(fitted, "predict") and name != "IsotonicRegression":
                rows = X @ X.T if get_tags(fitted).input_tags.pairwise else X
                np.testing.assert_allclose(loaded.predict(rows), fitted.predict(rows))


@pytest.mark.parametrize(
    "estimator",
    [
        FrozenEstimator(LogisticRegression().fit(X, CLASSES)),
        CalibratedClassifierCV(method="isotonic"),
        CalibratedClassifierCV(method="temperature"),
        GradientBoostingRegressor(n_estimators=3, loss="huber", init="zero"),
        GaussianProcessRegressor(Matern() + RationalQuadratic() * WhiteKernel() + DotProduct() ** 2),
        GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=RepeatedStratifiedKFold(n_repeats=2), scoring="roc_auc"),
        GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=TimeSeriesSplit(), scoring="neg_mean_absolute_error"),
        KNeighborsClassifier(algorithm="ball_tree", metric="haversine"),
        KNeighborsRegressor(algorithm="kd_tree", metric="chebyshev"),
        MLPClassifier(solver="sgd", max_iter=5, early_stopping=True),
        SGDClassifier(loss="modified_huber"),
        TweedieRegressor(power=1.5),
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
        make_pipeline(SelectKBest(chi2, k=2), LogisticRegression()),
        make_pipeline(SelectKBest(mutual_info_classif, k=2), LogisticRegression()),
        make_pipeline(SelectKBest(r_regression, k=2), Ridge()),
        make_pipeline(FunctionTransformer(np.log1p), Ridge()),
    ],
    ids=lambda estimator: repr(estimator)[:60],
)
def test_parts_that_need_a_parameter_to_appear_are_on_the_list(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = X[:, :2] if getattr(estimator, "metric", "") == "haversine" else X
        round_trip(estimator.fit(rows, VALUES if get_tags(estimator).estimator_type == "regressor" else CLASSES))


def test_a_pipeline_over_mixed_columns_is_on_the_list():
    import pandas as pd

    frame = pd.DataFrame(X, columns=list("abcd")).assign(s=np.where(CLASSES, "x", "y"))
    encoder = ColumnTransformer(
        [
            ("one", OneHotEncoder(), ["s"]),
            ("rank", OrdinalEncoder(dtype=np.float32), ["s"]),
            ("rest", "passthrough", make_column_selector(dtype_include=float)),
        ]
    )
    round_trip(make_pipeline(encoder, LogisticRegression()).fit(frame, CLASSES))
    round_trip(HistGradientBoostingClassifier(max_iter=2, categorical_features=["s"]).fit(frame, CLASSES))


@pytest.mark.parametrize("name", sorted(TRUSTED_TYPES))
def test_each_type_on_the_list_exists_and_belongs_to_a_library_that_computes(name):
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    assert module.split(".")[0] in ("sklearn", "numpy", "scipy") or name == "functools.partial"
    if inspect.isfunction(found):
        # A function on the list can be called by a loaded pipeline, so it must not reach outside.
        words = set(found.__code__.co_names)
        assert not words & {"open", "load", "loads", "exec", "eval", "system", "Popen", "urlopen", "import_module"}


@pytest.mark.parametrize(
    "callable_",
    [np.load, np.save, np.fromfile, np.genfromtxt, skops.io.load, importlib.import_module, eval, open],
    ids=lambda c: c.__name__,
)
def test_a_function_that_reaches_outside_is_refused(callable_):
    content = skops.io.dumps(FunctionTransformer(callable_))
    with pytest.raises(UntrustedTypeError):
        check_types(skops.io.get_untrusted_types(data=content))


def test_refused_types_are_named_in_order():
    with pytest.raises(UntrustedTypeError, match=r"b\.B, c\.C\. Use estimators") as caught:
        check_types(["c.C", "b.B", "numpy.dtype"])
    assert caught.value.types == ("b.B", "c.C")
