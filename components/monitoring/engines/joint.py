"""Joint detectors of alibi-detect, which see what no column alone shows, such as a correlation that turned around."""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.components.monitoring.engines.alibi import detectors
from kfp_lifecycle.components.monitoring.engines.column_values import misfit
from kfp_lifecycle.components.monitoring.engines.joint_inputs import drawn_rows, kernel_matrix, trees_matrix
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.components.monitoring.findings import JointDrift
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.threads import threads_for

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Matrix = npt.NDArray[np.float64]

NAMES = {"classifier": "ClassifierDrift", "mmd": "MMDDrift", "lsdd": "LSDDDrift"}
_FEWEST_ROWS = 100
# Memory and time of a kernel grow with the square of the rows.
_KERNEL_ROWS, _PERMUTATIONS = 500, 200


def require_joint(detector: str) -> None:
    """Refuse a joint detector that cannot be made, before anything is read.

    Raises:
        InputError: an unknown detector, or one that needs a package that is not installed.
    """
    if detector not in NAMES:
        raise InputError("joint", detector, f"one of {', '.join(NAMES)}", "Choose one of them, or none.")
    if detector != "classifier" and importlib.util.find_spec("torch") is None:
        raise InputError(
            "joint", detector, "the package torch to be installed", "Build an image with torch, or choose classifier."
        )


def joint_of(rows: WindowRows, sample: pd.DataFrame, plan: DriftPlan, detector: str) -> JointDrift:
    """Test all features of the plan together, by alibi-detect; the same rows and seed give the same answer.

    Args:
        rows: of the window; at most as many as the sample has are drawn.
        sample: rows of the reference, such as ``core.profile.load_sample`` reads.
        plan: its columns that the sample has.
        detector: ``classifier``, ``mmd`` or ``lsdd``.

    Raises:
        InputError: an unknown detector, or one that needs a package that is not installed.
    """
    require_joint(detector)
    types = {
        name: kind
        for name, kind in plan.columns.items()
        if name in sample.columns and name in rows.schema.names and not misfit(kind, rows.schema.field(name).type)
    }
    smaller = min(rows.rows, len(sample))
    if smaller < _FEWEST_ROWS or not types:
        what = "no column stands on both sides" if not types else f"{smaller} rows: a joint test needs {_FEWEST_ROWS}"
        return JointDrift(NAMES[detector], None, False, what)
    most = len(sample) if detector == "classifier" else _KERNEL_ROWS
    window = drawn_rows(rows, list(types), most, plan.seed)
    if len(sample) > most:
        sample = sample.sample(most, random_state=plan.seed)
    matrix = trees_matrix if detector == "classifier" else kernel_matrix
    made = _DETECTORS[detector](matrix(sample, sample, types), matrix(window, sample, types), plan.seed)
    if math.isnan(made):
        return JointDrift(NAMES[detector], None, False, "the test gave no p-value")
    return JointDrift(NAMES[detector], made, made < plan.drift_p)


def _classifier(reference: Matrix, window: Matrix, seed: int) -> float:
    """Whether trees can tell both apart on a quarter of the rows that they were not grown on (Lopez-Paz 2017)."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    # It warns at each detector that trees are grown anew, as they are meant to be.
    logging.getLogger("alibi_detect.cd.sklearn.classifier").setLevel(logging.ERROR)
    trees = HistGradientBoostingClassifier(max_iter=50, random_state=seed)
    detector = detectors().ClassifierDrift(reference, trees, backend="sklearn", train_size=0.75, seed=seed)
    # Which rows the trees are grown on is drawn from numpy's global generator, whatever the detector's seed.
    with threads_for(len(reference)), _seeded(seed):
        return float(detector.predict(window)["data"]["p_val"])


def _mmd(reference: Matrix, window: Matrix, seed: int) -> float:
    return _kernel("MMDDrift", reference, window, seed)


def _lsdd(reference: Matrix, window: Matrix, seed: int) -> float:
    return _kernel("LSDDDrift", reference, window, seed)


def _kernel(name: str, reference: Matrix, window: Matrix, seed: int) -> float:
    import torch  # type: ignore[import-not-found]

    with _seeded(seed), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = getattr(detectors(), name)(
            reference.astype(np.float32), backend="pytorch", n_permutations=_PERMUTATIONS, device="cpu"
        )
        return float(detector.predict(window.astype(np.float32))["data"]["p_val"])


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


_DETECTORS: dict[str, Callable[[Matrix, Matrix, int], float]] = {"classifier": _classifier, "mmd": _mmd, "lsdd": _lsdd}
