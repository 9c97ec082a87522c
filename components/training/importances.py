"""How much each input matters to a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.answers import answers_of
from kfp_lifecycle.core.metrics import METRICS, measure
from kfp_lifecycle.core.profile import Importances

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from kfp_lifecycle.core.signature import Signature

_CELLS = 30_000
_ROWS_AT_MOST, _ROWS_AT_LEAST = 2_000, 200
_REPEATS = 2


def permutation_importances(
    model: Any, inputs: pd.DataFrame, truth: npt.NDArray[Any], signature: Signature, seed: int
) -> Importances:
    """The rise of the model's loss when one column is shuffled (Breiman, Random Forests, 2001), largest first.

    All estimators are measured in the same way, on a bounded sample of training rows, in the table's columns and not in
    those that the preprocessor makes of them. The loss is the log loss of a classifier with probabilities, the error
    rate of one without, and the root mean square error of a regression.
    """
    generator = np.random.default_rng(seed)
    wanted = min(_ROWS_AT_MOST, max(_ROWS_AT_LEAST, _CELLS // len(signature.columns)), len(inputs))
    rows = np.sort(generator.choice(len(inputs), wanted, replace=False))
    inputs, truth = inputs.iloc[rows].reset_index(drop=True), truth[rows]
    before = answers_of(model, inputs, truth, signature)
    name = "rmse" if signature.classes is None else "accuracy" if before.probabilities is None else "log_loss"
    metric = METRICS[name]
    sign = -1.0 if metric.larger_is_better else 1.0
    base = measure(metric, before)
    rises = {}
    for column in signature.names:
        losses = []
        for _ in range(_REPEATS):
            shuffled = inputs.assign(**{column: inputs[column].to_numpy()[generator.permutation(wanted)]})
            losses.append(measure(metric, answers_of(model, shuffled, truth, signature)))
        rises[column] = sign * (float(np.mean(losses)) - base)
    ranked = dict(sorted(rises.items(), key=lambda pair: (-pair[1], pair[0])))
    loss = {"accuracy": "error rate"}.get(name, name)
    return Importances(f"rise of {loss} on {wanted} training rows when the column is shuffled", ranked)
