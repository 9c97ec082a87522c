"""Drift of one window: every column tested by the same rules, whichever engine makes the tests."""

from __future__ import annotations

from kfp_lifecycle.components.monitoring.engines.engine import Engine
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.components.monitoring.engines.reference import Reference
from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.components.monitoring.findings import WindowDrift


def drift_of(rows: WindowRows, reference: Reference, plan: DriftPlan, engine: Engine) -> WindowDrift:
    """Test every column of the plan.

    A column that cannot be tested honestly has no test, and ``note`` says why: it is absent or of another type, has too
    few values, or the reference has none. Missing values are tested as a share of their own and left out of all else.
    ``joint`` is left empty: ``joint.joint_of`` makes it.

    Args:
        rows: of the window.
        reference: what they are compared with.
        plan: what is tested, and when a column counts as drifted.
        engine: ``engine_named("native")`` or ``engine_named("alibi-detect")``.
    """
    raise NotImplementedError
