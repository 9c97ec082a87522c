"""Joint detectors, which see what no column alone shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.components.monitoring.findings import JointDrift

if TYPE_CHECKING:
    import pandas as pd


def joint_of(rows: WindowRows, sample: pd.DataFrame, plan: DriftPlan, detector: str) -> JointDrift:
    """Test all features of the plan together, by alibi-detect.

    Args:
        rows: of the window; at most as many as the sample has are drawn.
        sample: rows of the reference, such as ``core.profile.load_sample`` reads.
        plan: its columns that the sample has.
        detector: ``classifier``, ``mmd`` or ``lsdd``.

    Raises:
        InputError: an unknown detector, or one that needs a package that is not installed.
    """
    raise NotImplementedError
