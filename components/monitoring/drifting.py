"""Drift of the last windows, by the engine that was chosen."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kfp_lifecycle.adapters import reference_tables
from kfp_lifecycle.components.monitoring.engines.drift import drift_of, window_sketches
from kfp_lifecycle.components.monitoring.engines.engine import engine_named
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan, important_columns
from kfp_lifecycle.components.monitoring.engines.reference import Reference, profile_reference
from kfp_lifecycle.components.monitoring.findings import WindowDrift
from kfp_lifecycle.components.monitoring.request import MonitorRequest
from kfp_lifecycle.components.monitoring.served_rows import ServedWindow
from kfp_lifecycle.components.monitoring.watched import Watched
from kfp_lifecycle.core.logged_rows import SCORE
from kfp_lifecycle.core.profile import load_sample
from kfp_lifecycle.core.signature import ColumnType
from kfp_lifecycle.core.sketches import Sketch
from kfp_lifecycle.core.window import Window

# Below so many rows per column the test of a column says little; the window's own limit is min_rows.
_VALUES_AT_LEAST = 30


def drift_of_windows(
    windows: Sequence[ServedWindow], watched: Watched, request: MonitorRequest, broken: Collection[Window]
) -> list[WindowDrift]:
    """Test each window that has enough rows and no fault.

    Raises:
        InputError: the engine, the joint detector or the reference cannot be had.
    """
    engine = engine_named(request.engine)
    plan = drift_plan(watched, request)
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        reference = _reference(watched, request, plan, Path(folder))
        found = []
        for window in windows:
            if why := _untested(window, request, broken):
                found.append(WindowDrift(window.window, window.answered, (), note=why))
                continue
            drift = drift_of(window.for_drift(), reference, plan, engine)
            found.append(_with_joint(drift, window, watched, plan, request.joint))
    return found


def drift_plan(watched: Watched, request: MonitorRequest) -> DriftPlan:
    """Every input and the score; those matter that carry a fifth of the largest importance, and the score always."""
    importances = watched.profile.importances.values
    return DriftPlan(
        columns=watched.columns,
        importances=importances,
        important=important_columns(importances) | {SCORE},
        correction=request.correction,
        drift_p=request.rules.drift_p,
        psi_limit=request.rules.psi_limit,
        min_rows=_VALUES_AT_LEAST,
    )


def newest_sketches(window: ServedWindow, columns: Mapping[str, ColumnType]) -> dict[str, Sketch]:
    """Sketches of the newest window's columns, for the report."""
    return window_sketches(window.for_drift(), columns) if window.answered else {}


def _untested(window: ServedWindow, request: MonitorRequest, broken: Iterable[Window]) -> str:
    if window.window in broken:
        return "its data are broken"
    if window.answered < request.rules.min_rows:
        return f"{window.answered} answered rows, {request.rules.min_rows} are needed"
    return ""


def _reference(watched: Watched, request: MonitorRequest, plan: DriftPlan, folder: Path) -> Reference:
    of_profile = profile_reference(watched.sketches, watched.profile.rows)
    if request.reference == "profile":
        return of_profile
    from kfp_lifecycle.components.monitoring.engines.exact_reference import cached_reference, table_reference

    features = {name: kind for name, kind in plan.columns.items() if name != SCORE}
    cache, digest = reference_tables.cache_folder() or folder / "cache", watched.profile.table_digest
    exact = cached_reference(digest, features, cache)
    if exact is None:
        table = reference_tables.fetch_table(request.reference_uri, folder / "table", "reference_uri")
        exact = table_reference(table, features, cache, digest)
    score = {name: load for name, load in of_profile.columns.items() if name == SCORE}
    return Reference(exact.kind, exact.rows, {**exact.columns, **score})


def _with_joint(
    drift: WindowDrift, window: ServedWindow, watched: Watched, plan: DriftPlan, detector: str
) -> WindowDrift:
    if detector == "none":
        return drift
    from kfp_lifecycle.components.monitoring.engines.joint import joint_of

    return replace(drift, joint=joint_of(window.for_drift(), load_sample(watched.directory), plan, detector))
