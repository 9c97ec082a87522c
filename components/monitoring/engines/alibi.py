"""The engine alibi-detect: its own detectors, one column at a time, on inputs that they cannot misread.

alibi-detect keeps results as 32-bit floats, so a p-value below 1e-45 is 0 here. It needs rows as its reference: of a
sketch they are read off its quantiles, as many as the column had, but at most 20,000. There the sketch's error of a
thousandth stays small beside what the test can see.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.components.monitoring.engines.engine import Engine, TestResult
from kfp_lifecycle.components.monitoring.engines.reference import NumberReference
from kfp_lifecycle.components.monitoring.engines.reference_shares import quantiles_of

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]


_SKETCH_ROWS = 20_000


@functools.cache
def detectors() -> Any:
    """The module ``alibi_detect.cd``; the first call tells the licence."""
    import alibi_detect  # type: ignore[import-untyped]
    from alibi_detect import cd

    print(
        f"alibi-detect {alibi_detect.__version__} is under the Business Source License 1.1, which grants use outside of"
        " production only; whether yours is allowed is yours to decide. engine=native with joint=none makes the same"
        f" tests without it. Of a sketch alibi-detect sees at most {_SKETCH_ROWS:,} rows drawn from it.",
        flush=True,
    )
    return cd


def _tested(detector: Any, window: npt.NDArray[Any], largest_error: float = 0.0) -> TestResult:
    found = detector.predict(window.reshape(-1, 1), drift_type="feature")["data"]
    return TestResult(float(found["distance"][0]), float(found["p_val"][0]), largest_error)


def _ks(reference: NumberReference, window: Numbers) -> TestResult:
    values, error = _values(reference)
    return _tested(detectors().KSDrift(values.reshape(-1, 1)), window, error)


def _cvm(reference: NumberReference, window: Numbers) -> TestResult:
    return _tested(detectors().CVMDrift(np.asarray(reference.values).reshape(-1, 1)), window)


def _chi_square(reference: Counts, window: Counts) -> TestResult:
    known = {0: list(range(len(reference)))}
    detector = detectors().ChiSquareDrift(_rows(reference).reshape(-1, 1), categories_per_feature=known)
    return _tested(detector, _rows(window))


def _fet(reference: Counts, window: Counts) -> TestResult:
    # Its default sees a rise only.
    detector = detectors().FETDrift(_rows(reference).reshape(-1, 1), alternative="two-sided")
    return _tested(detector, _rows(window))


def _values(reference: NumberReference) -> tuple[Numbers, float]:
    """Rows to compare with, and by how much their shares may be off."""
    if reference.ranks is None:
        return np.asarray(reference.values), 0.0
    count = min(reference.present, _SKETCH_ROWS)
    return quantiles_of(reference, (np.arange(count) + 0.5) / count), reference.largest_error + 0.5 / count


def _rows(counts: Counts) -> Counts:
    """One row a count: the number of its category."""
    return np.repeat(np.arange(len(counts)), counts)


ALIBI = Engine("alibi-detect", _ks, _cvm, _chi_square, _fet)
