"""How a model is made from rows, again and again: for each calibration window, and at last from all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from kfp_lifecycle.components.training.preprocessing import make_pipeline_for, spare_second_encoding
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from kfp_lifecycle.core.signature import Signature


@dataclass(frozen=True)
class Recipe:
    """All that decides a model beside its rows.

    Attributes:
        signature: the model's inputs and answer.
        seed: for everything random.
        estimator: an unfitted scikit-learn estimator, when it came by import path.
        function: the user's function, when it came as ``module:function``.
        parameters: of the function; those of the estimator are in it already.
    """

    signature: Signature
    seed: int
    estimator: Any = None
    function: Callable[..., Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def fit(self, inputs: pd.DataFrame, labels: npt.NDArray[Any]) -> Any:
        """A fitted model that takes the signature's columns.

        Args:
            inputs: what ``core.inputs.model_inputs`` gives.
            labels: as ``labels.Target.values``.

        Raises:
            InputError: the estimator refuses these rows, or the user's function returns something else.
        """
        if self.function is None:
            return self._fit_behind_preprocessor(clone(self.estimator), inputs, labels)
        frame = inputs.assign(**{self.signature.label: labels})
        made = self.function(frame, self.signature.label, dict(self.parameters), self.seed)
        if not hasattr(made, "predict") or not hasattr(made, "get_params"):
            raise InputError(
                "estimator",
                self.signature.estimator,
                f"a function that returns a scikit-learn estimator, not {type(made).__name__}",
                "Return an estimator or a Pipeline, fitted or not.",
            )
        if _is_fitted(made):
            return made
        if isinstance(made, Pipeline):
            return self._fit(made, inputs, labels)
        return self._fit_behind_preprocessor(made, inputs, labels)

    def _fit_behind_preprocessor(self, estimator: Any, inputs: pd.DataFrame, labels: npt.NDArray[Any]) -> Any:
        fitted = self._fit(make_pipeline_for(estimator, inputs, self.signature.columns), inputs, labels)
        spare_second_encoding(fitted, inputs)
        return fitted

    def _fit(self, pipeline: Any, inputs: pd.DataFrame, labels: npt.NDArray[Any]) -> Any:
        try:
            fitted = pipeline.fit(inputs, labels)
            # Some say only now what they have against the rows, as neighbours do that are fewer than asked for.
            fitted.predict(inputs.head(1))
            return fitted
        except (TypeError, ValueError, np.linalg.LinAlgError) as error:
            raise InputError(
                "estimator",
                self.signature.estimator,
                f"an estimator that fits these {len(inputs)} rows and {inputs.shape[1]} columns: {error}",
                "Choose another estimator, other parameters or other columns.",
            ) from error


def _is_fitted(estimator: Any) -> bool:
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True
