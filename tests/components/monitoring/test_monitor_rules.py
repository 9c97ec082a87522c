"""Which finding decides?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.monitoring.findings import (
    Calibration,
    ColumnDrift,
    Fault,
    Findings,
    JointDrift,
    WindowDrift,
    WindowPerformance,
)
from kfp_lifecycle.components.monitoring.outcome import MonitorOutcome
from kfp_lifecycle.components.monitoring.rules import Policy, Rules, decide
from kfp_lifecycle.core.window import Window

WEEKS = [
    Window(
        datetime(2013, 1, 7, tzinfo=UTC) + timedelta(weeks=n), datetime(2013, 1, 14, tzinfo=UTC) + timedelta(weeks=n)
    )
    for n in range(4)
]
SCORE = ColumnDrift(
    "_score", "number", "ks", 0.01, 0.5, 1.0, 0.01, 0.02, 0.01, 0.0, 500, 0.0, 0.0, None, 0.0, important=True
)
CALIBRATION = Calibration("accuracy", True, 0.8, 0.01, ())
RULES = Rules()


def performance(flags: str, complete: str = "") -> list[WindowPerformance]:
    """A window for each letter: x flagged, o not, ? unknown; ``complete`` has n where labels are to come."""
    made = []
    for number, flag in enumerate(flags):
        known = flag != "?"
        made.append(
            WindowPerformance(
                WEEKS[number], 500, 500 if known else 20, 0.7 if known else None, 0.1 if known else None,
                0.01 if known else None, (1e-6 if flag == "x" else 0.5) if known else None, flag == "x",
                complete[number : number + 1] != "n", "" if known else "20 labelled rows",
            )
        )  # fmt: skip
    return made


def drift(flags: str, important: bool = True, joint: str = "") -> list[WindowDrift]:
    return [
        WindowDrift(
            WEEKS[number], 500,
            (ColumnDrift("age", "number", "ks", 0.5, 1e-9, 1e-8, 0.3 if flag == "x" else 0.05, 0.2, 0.1, 0.0, 500, 0.0,
                         0.0, None, 1.0, important, flag == "x"), SCORE) if flag != "?" else (),
            JointDrift("ClassifierDrift", 1e-5, joint[number] == "x") if joint else None,
            "10 rows" if flag == "?" else "",
        )
        for number, flag in enumerate(flags)
    ]  # fmt: skip


def findings(windows=(), drifts=(), faults=(), calibration: Calibration | None = CALIBRATION) -> Findings:
    newest = (list(drifts) or list(windows))[-1].window
    return Findings(newest, 500, faults, drifts, windows, calibration)


@pytest.mark.parametrize(
    ("flags", "complete", "outcome"),
    [
        ("ooo", "", "healthy"),
        ("oox", "", "alert"),
        ("xox", "", "retrain"),
        ("xxo", "", "retrain"),
        ("xxoo", "", "alert"),
        ("oxxo", "", "retrain"),
        ("xx", "yn", "alert"),
        ("ox", "yn", "insufficient_data"),
        ("xoxx", "yynn", "alert"),
        ("?ox", "", "alert"),
        ("?oo", "", "healthy"),
        ("??o", "", "insufficient_data"),
        ("??x", "", "alert"),
    ],
)
def test_performance_counts_in_the_last_complete_windows(flags: str, complete: str, outcome: str) -> None:
    assert decide(findings(performance(flags, complete)), RULES).outcome == outcome


@pytest.mark.parametrize(
    ("flags", "important", "outcome"),
    [("oxx", True, "alert"), ("xox", True, "alert"), ("oox", True, "healthy"), ("xxx", False, "healthy"),
     ("x???"[:3], True, "insufficient_data")],
)  # fmt: skip
def test_a_drift_alerts_when_it_matters_and_lasts(flags: str, important: bool, outcome: str) -> None:
    rules = replace(RULES, without_labels=Policy.ALERT)
    assert decide(findings((), drift(flags, important), calibration=None), rules).outcome == outcome


def test_a_drift_never_retrains_where_labels_come() -> None:
    verdict = decide(findings(performance("ooo"), drift("xxx")), RULES)
    assert verdict.outcome is MonitorOutcome.ALERT


def test_a_drift_retrains_a_challenger_only_where_that_was_chosen() -> None:
    drifted = findings((), drift("xxx"), calibration=None)
    assert decide(drifted, replace(RULES, without_labels=Policy.CHALLENGER)).outcome is MonitorOutcome.RETRAIN
    assert decide(drifted, replace(RULES, without_labels=Policy.ALERT)).outcome is MonitorOutcome.ALERT


def test_a_joint_test_that_rings_twice_alerts() -> None:
    assert decide(findings(performance("ooo"), drift("ooo", joint="oxx")), RULES).outcome is MonitorOutcome.ALERT
    assert decide(findings(performance("ooo"), drift("ooo", joint="oox")), RULES).outcome is MonitorOutcome.HEALTHY


def test_a_fault_of_the_newest_window_comes_before_everything() -> None:
    broken = Fault("missing_values", "age", "40 % have no value", True, WEEKS[2])
    verdict = decide(findings(performance("xxx"), drift("xxx"), [broken]), RULES)
    assert verdict.outcome is MonitorOutcome.DATA_FAULT
    assert verdict.reasons[0] == "age: 40 % have no value"


def test_older_and_harmless_faults_are_told_and_decide_nothing() -> None:
    older = Fault("missing_values", "age", "40 % have no value", True, WEEKS[0])
    told = Fault("unseen_categories", "city", "1 % are new", False, WEEKS[2])
    verdict = decide(findings(performance("ooo"), drift("ooo"), [older, told]), RULES)
    assert verdict.outcome is MonitorOutcome.HEALTHY
    assert {"age: 40 % have no value", "city: 1 % are new"} <= set(verdict.reasons)


@pytest.mark.parametrize(("rows", "outcome"), [(0, "insufficient_data"), (199, "insufficient_data"), (200, "healthy")])
def test_a_log_that_has_stopped_is_not_healthy(rows: int, outcome: str) -> None:
    for drifts in ("ooo", "oo?", ""):
        made = replace(findings(performance("ooo"), drift(drifts)), rows=rows)
        verdict = decide(made, RULES)
        assert verdict.outcome == outcome
        assert (f"has {rows} rows, and 200 are needed" in verdict.reasons[0]) == (outcome != "healthy")


@pytest.mark.parametrize(("flags", "drifts", "outcome"), [("oxx", "ooo", "retrain"), ("ooo", "xxo", "alert")])
def test_what_was_found_comes_before_a_log_that_has_stopped(flags: str, drifts: str, outcome: str) -> None:
    verdict = decide(replace(findings(performance(flags), drift(drifts)), rows=0), RULES)
    assert verdict.outcome == outcome
    assert "has 0 rows" in verdict.reasons[1]


@pytest.mark.parametrize("policy", [None, Policy.ALERT])
def test_columns_that_could_not_be_tested_are_not_reported_as_undrifted(policy: Policy | None) -> None:
    untested = replace(SCORE, name="age", test="", p_value=None, adjusted_p=None, note="12 values, 30 are needed")
    harmless = replace(SCORE, name="pages", important=False)
    windows = [replace(each, columns=(untested, harmless)) for each in drift("ooo")]
    rules = replace(RULES, without_labels=policy)
    calibration = None if policy else CALIBRATION
    verdict = decide(findings(performance("ooo"), windows, calibration=calibration), rules)
    assert verdict.outcome is MonitorOutcome.INSUFFICIENT_DATA
    assert "age: 12 values, 30 are needed" in verdict.reasons[0]
    # One such window is made up for by the others.
    mixed = [*windows[:1], *drift("ooo")[1:]]
    assert decide(findings(performance("ooo"), mixed, calibration=calibration), rules).outcome is MonitorOutcome.HEALTHY


def test_a_joint_test_that_was_asked_for_and_not_made_is_insufficient_data() -> None:
    joint = JointDrift("ClassifierDrift", None, False, "99 rows: a joint test needs 100")
    windows = [replace(each, joint=joint) for each in drift("ooo")]
    verdict = decide(findings(performance("ooo"), windows), RULES)
    assert verdict.outcome is MonitorOutcome.INSUFFICIENT_DATA
    assert "ClassifierDrift: 99 rows" in verdict.reasons[0]


def test_p_values_that_ring_everywhere_are_told_beside_a_healthy_answer() -> None:
    verdict = decide(findings(performance("ooo"), drift("ooo")), RULES)
    assert "a p-value alone would have rung in 3 of them" in " ".join(verdict.reasons)


@given(
    st.text("xo?", min_size=1, max_size=4),
    st.text("xo?", min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, *Policy]),
)
def test_every_finding_has_an_outcome_with_a_reason_and_faults_never_retrain(
    flags: str, drifts: str, important: bool, faulty: bool, policy: Policy | None
) -> None:
    fault = [Fault("constant", "age", "all are 1", True, None)] if faulty else []
    rules = replace(RULES, without_labels=policy)
    made = findings(performance(flags), drift(drifts, important), fault, None if policy else CALIBRATION)
    verdict = decide(made, rules)
    assert verdict.reasons
    assert (verdict.outcome is MonitorOutcome.DATA_FAULT) == faulty
    if verdict.outcome is MonitorOutcome.RETRAIN and policy is None:
        assert flags[-3:].count("x") >= rules.needed
