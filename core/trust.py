"""The types that a model file may hold: our own explicit list, never the list that a model brings along.

skops trusts plain values, public scikit-learn estimators, numpy arrays and ufuncs by itself. Fitted estimators hold
more than that. Everything named here is data or pure computation of scikit-learn, numpy or scipy: nothing opens a
file, a socket or a process, so that a file made of these types can at worst compute nonsense. Trees have one more
danger, indices that are not checked when used; ``core.trees`` checks them after loading.

To add a type: find its name in the message of ``UntrustedTypeError``, read its source, add it with its group, and add
an estimator that needs it to tests/core/test_model_trust.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from kfp_lifecycle.core import settings

_DISTANCES = (
    "BrayCurtis", "Canberra", "Chebyshev", "Dice", "Euclidean", "Hamming", "Haversine", "Jaccard", "Mahalanobis",
    "Manhattan", "Minkowski", "RogersTanimoto", "RussellRao", "SEuclidean", "SokalSneath",
)  # fmt: skip
_KERNELS = (
    "CompoundKernel", "ConstantKernel", "DotProduct", "ExpSineSquared", "Exponentiation", "Matern", "PairwiseKernel",
    "Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel",
)  # fmt: skip
_SPLITTERS = (
    "GroupKFold", "GroupShuffleSplit", "KFold", "LeaveOneGroupOut", "LeaveOneOut", "LeavePGroupsOut", "LeavePOut",
    "PredefinedSplit", "RepeatedKFold", "RepeatedStratifiedKFold", "ShuffleSplit", "StratifiedGroupKFold",
    "StratifiedKFold", "StratifiedShuffleSplit", "TimeSeriesSplit",
)  # fmt: skip
_CLASSIFICATION_SCORES = (
    "accuracy_score", "balanced_accuracy_score", "brier_score_loss", "d2_brier_score", "d2_log_loss_score", "f1_score",
    "jaccard_score", "log_loss", "matthews_corrcoef", "precision_score", "recall_score",
)  # fmt: skip
_REGRESSION_SCORES = (
    "d2_absolute_error_score", "explained_variance_score", "max_error", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_gamma_deviance", "mean_poisson_deviance", "mean_squared_error",
    "mean_squared_log_error", "median_absolute_error", "r2_score", "root_mean_squared_error",
    "root_mean_squared_log_error",
)  # fmt: skip

# A frozen list: nothing is added to it at run time.
TRUSTED_TYPES: frozenset[str] = frozenset(
    (
        # Trees: node arrays, checked after loading.
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
        # The preprocessor inside HistGradientBoosting with categories: partial(check_array, dtype=...). A partial calls
        # nothing when it is made, and what it wraps must be on this list itself.
        "functools.partial",
        "sklearn.utils.validation.check_array",
        # Losses of the Tweedie family (skops knows the others).
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        # Parts of meta-estimators.
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        # Neighbours.
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._ball_tree.BallTree32",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._kd_tree.KDTree32",
        # Scores that choose features, pure functions of arrays.
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.feature_selection._univariate_selection.r_regression",
        # A fitted search is an estimator too; its halving forms are experimental, so skops does not list them.
        "sklearn.metrics._ranking.average_precision_score",
        "sklearn.metrics._ranking.roc_auc_score",
        "sklearn.metrics._ranking.top_k_accuracy_score",
        "sklearn.metrics._scorer._CurveScorer",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.metrics._scorer._Scorer",
        "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
        "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
        # numpy and scipy.
        "numpy.dtype",
        "numpy.max",
        "numpy.mean",
        "numpy.median",
        "numpy.min",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "scipy.sparse._csc.csc_array",
        "scipy.sparse._csc.csc_matrix",
        "scipy.sparse._csr.csr_array",
        "scipy.sparse._csr.csr_matrix",
        *(f"sklearn.metrics._dist_metrics.{name}Distance{bits}" for name in _DISTANCES for bits in (32, 64)),
        *(f"sklearn.gaussian_process.kernels.{name}" for name in _KERNELS),
        *(f"sklearn.model_selection._split.{name}" for name in _SPLITTERS),
        *(f"sklearn.metrics._classification.{name}" for name in _CLASSIFICATION_SCORES),
        *(f"sklearn.metrics._regression.{name}" for name in _REGRESSION_SCORES),
    )
)


class UntrustedTypeError(ValueError):
    """A model file holds types that are not on the list.

    Attributes:
        types: their names, sorted.
    """

    def __init__(self, types: Iterable[str]) -> None:
        self.types = tuple(sorted(types))
        super().__init__(
            f"the model file holds types that are not on the allow-list: {', '.join(self.types)}. Use estimators of"
            f" scikit-learn, or read the source of these types and name them in the setting {settings.TRUSTED_TYPES}."
        )


def allowed_types() -> frozenset[str]:
    """Our list and what the operator added in ``KFP_LIFECYCLE_TRUSTED_TYPES``."""
    return TRUSTED_TYPES | frozenset(settings.words(settings.TRUSTED_TYPES))


def check_types(found: Iterable[str]) -> list[str]:
    """The types found in a file, sorted, when each is allowed.

    Raises:
        UntrustedTypeError: names those that are not.
    """
    types = set(found)
    if refused := types - allowed_types():
        raise UntrustedTypeError(refused)
    return sorted(types)
