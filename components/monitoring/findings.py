"""What was measured of a model's served rows, window by window; the rule and the report are made from this alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kfp_lifecycle.core.sketches import Sketch
from kfp_lifecycle.core.window import Window


@dataclass(frozen=True)
class Fault:
    """A fault of the data, which is not drift.

    Attributes:
        kind: ``missing_column``, ``wrong_type``, ``missing_values``, ``unseen_categories``, ``constant``,
            ``bad_values``, ``unseen_labels`` or ``unmeasured_rows``.
        column: where.
        reason: a sentence with the figures.
        blocking: False for one that is only told.
        window: where it was found; None for all.
    """

    kind: str
    column: str
    reason: str
    blocking: bool = True
    window: Window | None = None


@dataclass(frozen=True)
class ColumnDrift:
    """One column of one window against the reference.

    Attributes:
        name: of the column; ``_score`` for the model's score.
        test: ``ks``, ``chi_square``, ``cvm`` or ``fet``; empty where none was made, and ``note`` says why.
        statistic, p_value: of the test; None without one.
        adjusted_p: after the correction for the number of tests in this window.
        psi: population stability index over the reference's deciles or categories.
        wasserstein: distance in standard deviations of the reference; None for categories.
        jensen_shannon: distance, base 2, 0 to 1.
        largest_error: how far the statistic may be off because the reference is a sketch; 0 in exact mode.
        rows: rows of the window with a value.
        missing, reference_missing: shares without a value.
        missing_p: of the test that both shares are equal; None where both are zero.
        importance: of the profile, 0 where unknown; ``important`` says whether the rule looks at the column.
        drifted: the rule's verdict on this column in this window: p and effect both over their limits.
    """

    name: str
    kind: str
    test: str
    statistic: float | None
    p_value: float | None
    adjusted_p: float | None
    psi: float | None
    wasserstein: float | None
    jensen_shannon: float | None
    largest_error: float
    rows: int
    missing: float
    reference_missing: float
    missing_p: float | None
    importance: float = 0.0
    important: bool = False
    drifted: bool = False
    note: str = ""


@dataclass(frozen=True)
class JointDrift:
    """A test of all columns together, which sees what their marginals cannot.

    Attributes:
        detector: ``ClassifierDrift``, ``MMDDrift`` or ``LSDDDrift``.
        p_value: None where it could not be made; ``note`` says why.
        drifted: p is below the limit.
    """

    detector: str
    p_value: float | None
    drifted: bool
    note: str = ""


@dataclass(frozen=True)
class WindowDrift:
    """All columns of one window."""

    window: Window
    rows: int
    columns: Sequence[ColumnDrift]
    joint: JointDrift | None = None
    note: str = ""  # why nothing was tested, such as too few rows

    @property
    def untested(self) -> str:
        """Why nothing that matters was tested, or not the joint test that was asked for; empty where both were."""
        important = [column for column in self.columns if column.important]
        if self.note:
            return self.note
        if all(column.adjusted_p is None for column in important):
            notes = "; ".join(f"{column.name}: {column.note or 'not tested'}" for column in important[:3])
            return f"no column that matters could be tested ({notes or 'none does, and the score is not known'})"
        joint = self.joint
        return f"{joint.detector}: {joint.note}" if joint is not None and joint.p_value is None else ""


@dataclass(frozen=True)
class WindowPerformance:
    """Performance on the labelled rows of one window.

    Attributes:
        rows: served rows; ``labelled`` of them have a label.
        value: of the metric; None with too few labels.
        drop: how much worse than the calibration windows' mean, in units of the metric; positive is worse.
        error: the standard error of the drop.
        p_value: one-sided, of no drop.
        flagged: drop and p are both over their limits.
        complete: the label lag has passed, so the rule may count the window.
        note: why there is no value, or why it does not count.
        limit: the drop above which the window would be flagged; None where it could not be.
    """

    window: Window
    rows: int
    labelled: int
    value: float | None
    drop: float | None
    error: float | None
    p_value: float | None
    flagged: bool
    complete: bool
    note: str = ""
    limit: float | None = None


@dataclass(frozen=True)
class Calibration:
    """What performance is compared with: the profile's out-of-sample windows."""

    metric: str
    larger_is_better: bool
    mean: float
    deviation: float
    windows: Sequence[tuple[Window, float]]
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """Everything measured for one answer of ``monitor``; windows oldest first.

    Attributes:
        window: the newest; ``rows`` are its rows.
        outside, untimed: rows of the table whose time lies in no window, and those that have none.
        unnamed: rows of all windows that name no version; they count as the watched one's.
        current: the last sketches of the columns in the last window, for overlays with ``reference``.
        reference: the sketches that the profile holds, the score's among them.
    """

    window: Window
    rows: int
    faults: Sequence[Fault]
    drift: Sequence[WindowDrift]
    performance: Sequence[WindowPerformance]
    calibration: Calibration | None
    importances: dict[str, float] = field(default_factory=dict)
    reference: dict[str, Sketch] = field(default_factory=dict)
    current: dict[str, Sketch] = field(default_factory=dict)
    outside: int = 0
    untimed: int = 0
    unnamed: int = 0
