"""Does the report show what was found and decided, all of it, and nothing else?"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.components.monitoring.made_findings import (
    START,
    calibration,
    column,
    decision,
    findings,
    served,
    sketches,
    week,
)

from kfp_lifecycle.components.monitoring.findings import Fault, Findings, JointDrift, WindowDrift
from kfp_lifecycle.components.monitoring.outcome import MonitorOutcome
from kfp_lifecycle.components.monitoring.page import monitor_page
from kfp_lifecycle.core.window import Window

HOSTILE = "<script>alert('x')</script>\"&"
_VOID = {"meta", "br"}


class Outline(HTMLParser):
    """Checks that tags are closed in their order, and keeps the headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.headings: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)


def text_of(html: str) -> str:
    """What a reader reads, without the rules of the page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)))


def section(html: str, heading: str) -> str:
    found = re.search(rf"<h2>{heading}</h2>(.*?)</section>", html, re.DOTALL)
    assert found, f"no section {heading}"
    return found.group(1)


def rows_of(html: str) -> list[list[str]]:
    """The body of the first table, as text."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


def empty(**changes: object) -> Findings:
    values: dict[str, object] = {"faults": [], "drift": [], "performance": [], "calibration": None}
    return findings(**{**values, "reference": {}, "current": {}, **changes})


def test_a_full_report_has_every_section_and_closes_every_tag():
    outline = Outline(monitor_page(findings(), decision()))
    assert outline.headings == [
        "Monitoring of flights-late version 3",
        "Decision",
        "Faults of the data",
        "Performance",
        "Drift of the columns",
        "Distributions",
        "Columns by window",
        "All columns together",
        "Expected false alarms",
        "Decided from",
    ]


def test_the_outcome_and_every_reason_come_first():
    html = section(monitor_page(findings(), decision()), "Decision")
    assert '<span class="outcome wait">retrain</span>' in html
    for reason in decision().reasons:
        assert f"<li>{reason}</li>" in html


@pytest.mark.parametrize("outcome", MonitorOutcome)
def test_no_outcome_but_the_decided_one_is_on_the_badge(outcome):
    html = monitor_page(findings(), decision(outcome))
    badges = re.findall(r'class="outcome \w+">([^<]+)<', html)
    assert badges == [str(outcome).replace("_", " ")]


def test_performance_is_listed_newest_first_with_its_verdicts():
    found = findings(performance=[served(0, 0.41), served(1, 0.52), served(2, 0.5, complete=False), served(3, None)])
    rows = rows_of(section(monitor_page(found, decision()), "Performance"))
    assert [row[0] for row in rows] == [str(each.window).replace("T00:00:00Z", "") for each in found.performance][::-1]
    assert [row[-1] for row in rows] == [
        "not complete, no labels yet",
        "flagged, not complete",
        "flagged",
        "not flagged",
    ]
    assert rows[2][1:9] == ["6,230", "6,100", "97.9%", "0.52", "0.12", "0.02", "0.062", "1e-09"]


def test_the_limit_lies_below_the_mean_where_larger_is_better():
    auc = replace(calibration(), metric="roc_auc", larger_is_better=True, mean=0.8, windows=[(week(-9), 0.8)])
    one = served(0, 0.7, drop=0.1, limit=0.05, flagged=True)
    html = section(monitor_page(findings(performance=[one], calibration=auc), decision()), "Performance")
    assert "higher is better" in html
    assert ">limit 0.75<" in html
    assert ">mean 0.8<" in html


def test_columns_are_listed_by_effect_and_none_without_one_comes_first():
    columns = [
        column("small", 0.01),
        column("untested", None, test="", note="constant in the reference"),
        column("large", 0.7, important=True, drifted=True, importance=0.31),
        column("middle", 0.2, drifted=True, missing=0.25, reference_missing=0.0, missing_p=0.0),
    ]
    html = monitor_page(findings(drift=[WindowDrift(week(0), 500, columns)]), decision())
    rows = rows_of(section(html, "Drift of the columns"))
    assert [row[0] for row in rows] == ["large", "middle", "small", "untested"]
    assert [row[1] for row in rows] == ["drifted", "drifted", "", ""]
    assert rows[0][2] == "0.7"
    assert rows[0][9] == "0.31"
    assert rows[1][7:9] == ["25.0% (was 0%)", "< 1e-300"]
    assert rows[3][2:7] == ["–", "–", "–", "–", "none"]
    assert rows[3][10] == "constant in the reference"
    assert "<b>large</b>" in html
    assert "<b>middle</b></td>" not in html


def test_the_six_largest_changes_are_drawn():
    html = section(monitor_page(findings(12), decision()), "Distributions")
    drawn = re.findall(r"<b>([^<]+)</b>", html)
    table = rows_of(section(monitor_page(findings(12), decision()), "Drift of the columns"))
    assert drawn == [row[0] for row in table[:6]]
    assert html.count("<svg viewBox") == 6


def test_a_column_without_a_sketch_leaves_its_place_to_the_next():
    found = findings(12)
    current = {name: sketch for name, sketch in found.current.items() if name != "temp"}
    html = section(monitor_page(replace(found, current=current), decision()), "Distributions")
    assert re.findall(r"<b>([^<]+)</b>", html)[0] == "carrier"
    assert html.count("<svg viewBox") == 6


def test_broken_columns_are_drawn_first_and_figures_of_another_window_are_not_theirs():
    found = findings(12, 3, faults=[Fault("constant", "origin", "all rows hold EWR", True, week(2))])
    drift = [*found.drift[:2], WindowDrift(week(2), 500, [], note="its data are broken")]
    html = section(monitor_page(replace(found, drift=drift), decision()), "Distributions")
    assert re.findall(r"<b>([^<]+)</b>", html)[:2] == ["origin", "temp"]
    assert "<br>broken, not compared<" in html
    assert "PSI" not in html
    only = section(monitor_page(replace(found, drift=drift[2:]), decision()), "Distributions")
    assert re.findall(r"<b>([^<]+)</b>", only) == ["origin"]


def test_a_calibration_that_compares_nothing_is_told_and_draws_no_mean():
    nan = replace(calibration(), mean=math.nan, deviation=math.nan, note="windows of another length")
    one = served(0, 0.41, drop=None, error=None, p_value=None, limit=None, note="nothing to compare with")
    html = monitor_page(findings(performance=[one], calibration=nan), decision(MonitorOutcome.INSUFFICIENT_DATA))
    words = section(html, "Performance")
    assert "Calibration: windows of another length" in words
    assert ">mean" not in words
    assert "nan" not in text_of(html)


def test_the_heat_map_holds_each_columns_figure_of_each_window():
    found = findings(4, 3)
    rows = rows_of(section(monitor_page(found, decision()), "Columns by window"))
    figures = {row[0]: row[1:] for row in rows}
    assert set(figures) == {each.name for each in found.drift[0].columns}
    for place, window in enumerate(found.drift):
        for each in window.columns:
            assert each.psi is not None
            assert figures[each.name][place] == f"{each.psi:.2f}"


def test_a_column_that_one_window_lacks_has_a_gap_there():
    drift = [WindowDrift(week(0), 500, [column("a", 0.3)]), WindowDrift(week(1), 500, [column("b", 0.2)])]
    rows = rows_of(section(monitor_page(findings(drift=drift), decision()), "Columns by window"))
    assert rows == [["a", "0.30", "–"], ["b", "–", "0.20"]]


def test_faults_that_block_come_first_one_line_for_all_windows_of_a_column():
    faults = [
        Fault("unseen_categories", "carrier", "3 rows hold XX", False, week(6)),
        Fault("constant", "visib", "all rows hold 10", True, week(5)),
        Fault("constant", "visib", "all rows hold 11", True, week(6)),
        Fault("missing_values", "temp", "38 % of the rows have no value", True, week(7)),
        Fault("missing_column", "hour", "the rows lack it"),
    ]
    html = monitor_page(findings(faults=faults), decision())
    listed = section(html, "Faults of the data")
    assert re.findall(r"<li>(.*?)</li>", listed) == [
        "<b>temp</b>, missing values: 38 % of the rows have no value, in 2013-07-22/2013-07-29",
        "<b>hour</b>, missing column: the rows lack it",
        "<b>visib</b>, constant: all rows hold 11, in 2013-07-15/2013-07-22 (the newest of 2 windows)",
        "<b>carrier</b>, unseen categories: 3 rows hold XX, in 2013-07-15/2013-07-22",
    ]
    assert listed.index("visib") < listed.index("<details>") < listed.index("carrier")
    assert "2 blocking now" in section(html, "Decision")


def test_what_was_found_beside_the_deciding_reasons_is_folded_up():
    html = section(monitor_page(findings(), decision(reasons=[f"reason {n}" for n in range(9)])), "Decision")
    shown, _, folded = html.partition("<details>")
    assert re.findall(r"<li>(.*?)</li>", shown) == ["reason 0", "reason 1", "reason 2"]
    assert re.findall(r"<li>(.*?)</li>", folded) == [f"reason {n}" for n in range(3, 9)]


def test_expected_false_alarms_are_those_of_the_decision():
    html = section(monitor_page(findings(), decision()), "Expected false alarms")
    assert rows_of(html) == [["alerts", "0.5"], ["retrains", "0.0003"]]
    assert "10 columns are tested in each window" in html


def test_numbers_and_inputs_of_the_decision_are_listed_once():
    html = section(monitor_page(findings(), decision()), "Decided from")
    assert ["log loss", "0.474"] in rows_of(html)
    assert "expected false" not in html
    for name in decision().inputs:
        assert f"<td>{name.replace('_', ' ')}</td>" in html


def test_without_labels_nothing_is_drawn_of_performance():
    none = [served(number, None, complete=True, note="no labels") for number in range(3)]
    html = section(monitor_page(findings(performance=none), decision(MonitorOutcome.ALERT)), "Performance")
    assert "No row has a label" in html
    assert "<svg" not in html
    assert [row[-1] for row in rows_of(html)] == ["no labels"] * 3


def test_without_a_drift_test_the_reason_is_told():
    drift = [WindowDrift(week(1), 12, [], note="12 rows, and 200 are needed")]
    html = monitor_page(findings(drift=drift), decision(MonitorOutcome.INSUFFICIENT_DATA))
    words = text_of(section(html, "Drift"))
    assert "No column was compared with the reference." in words
    assert "2013-06-10/2013-06-17: 12 rows, and 200 are needed" in words
    assert "Columns by window" not in html


def test_with_nothing_but_faults_the_report_still_says_all():
    found = empty(faults=[Fault("missing_column", "temp", "the rows lack it")])
    outline = Outline(monitor_page(found, decision(MonitorOutcome.DATA_FAULT, numbers={})))
    assert outline.headings[1:] == [
        "Decision",
        "Faults of the data",
        "Performance",
        "Drift",
        "Expected false alarms",
        "Decided from",
    ]


def test_a_report_of_nothing_is_a_page():
    html = monitor_page(empty(), decision(MonitorOutcome.INSUFFICIENT_DATA, reasons=[], numbers={}, inputs={}))
    assert Outline(html).headings[0] == "Monitoring of a model"


def test_everything_from_outside_is_escaped():
    columns = [column(HOSTILE, 0.3, note=HOSTILE, test=HOSTILE), column("b", 0.1, kind=HOSTILE)]
    named = {HOSTILE: sketches([HOSTILE], 0.0, 1)[HOSTILE], "b": sketches(["a", "b"], 0.0, 1)["b"]}
    found = findings(
        faults=[Fault(HOSTILE, HOSTILE, HOSTILE)],
        drift=[
            WindowDrift(week(0), 500, columns, JointDrift(HOSTILE, 0.1, True, HOSTILE)),
            WindowDrift(week(1), 0, [], note=HOSTILE),
        ],
        performance=[served(0, 0.41, note=HOSTILE)],
        calibration=replace(calibration(), metric=HOSTILE, note=HOSTILE),
        reference=named,
        current=named,
    )
    names = ("model_name", "version", "environment", "correction", "label_lag", HOSTILE)
    said = decision(
        reasons=[HOSTILE],
        numbers={HOSTILE: 1.0, f"expected_false_{HOSTILE}": 1.0},
        inputs={**decision().inputs, **dict.fromkeys(names, HOSTILE), "nested": {HOSTILE: [HOSTILE]}},
    )
    html = monitor_page(found, said)
    assert "script" not in Outline(html).tags
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 20
    assert not re.search(r"(src|href)=|url\(|@import|https?:|\son\w+=", html)


def test_a_report_runs_and_fetches_nothing():
    html = monitor_page(findings(50, 8), decision())
    assert "script" not in Outline(html).tags
    assert not re.search(r"(src|href)=|url\(|@import|https?:|\son\w+=", html)


def test_fifty_columns_in_eight_windows_stay_below_300_kilobytes():
    assert len(monitor_page(findings(50, 8), decision()).encode()) < 300_000


def test_the_size_is_bounded_whatever_is_found():
    columns = [column("n" * 5000 + str(place), place / 1000, note="x" * 50) for place in range(2000)]
    drift = [WindowDrift(week(number), 500, columns) for number in range(60)]
    faults = [Fault("constant", f"c{place}", "r" * 5000) for place in range(2000)]
    performance = [served(number, 0.4) for number in range(500)]
    inputs = {**decision().inputs, "columns": ["n" * 50] * 5000}
    found = findings(drift=drift, faults=faults, performance=performance)
    html = monitor_page(found, decision(inputs=inputs))
    assert len(html.encode()) < 500_000
    assert "1900 columns that changed less are left out." in html
    assert "The newest 10 of 60 windows are shown." in html
    assert "And 1900 more." in html


def test_windows_shorter_than_a_day_tell_their_hour():
    hours = [Window(START.replace(hour=number), START.replace(hour=number + 1)) for number in range(3)]
    drift = [WindowDrift(hour, 500, [column("a", 0.2)]) for hour in hours]
    performance = [replace(served(0), window=hour) for hour in hours]
    html = monitor_page(findings(drift=drift, performance=performance), decision())
    assert ">06-03 02:00<" in section(html, "Columns by window")
    assert ">06-03 02:00<" in section(html, "Performance")


NUMBERS = st.none() | st.floats()
COLUMNS = st.lists(
    st.builds(
        column,
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5),
        NUMBERS.filter(lambda value: value is None or 0 <= value <= 1),
        drifted=st.booleans(),
        important=st.booleans(),
        adjusted_p=NUMBERS,
        wasserstein=NUMBERS,
        jensen_shannon=NUMBERS,
        missing_p=NUMBERS,
        importance=st.floats(),
    ),
    max_size=8,
    unique_by=lambda each: each.name,
)
VALUES = st.floats(-1e6, 1e6) | st.just(math.nan) | st.none()


@settings(deadline=None, max_examples=40)
@given(
    st.lists(COLUMNS, max_size=5),
    st.lists(st.tuples(VALUES, st.booleans(), st.booleans()), max_size=6),
    st.sampled_from(MonitorOutcome),
)
def test_picture_and_decision_cannot_disagree(drift, performance, outcome):
    found = empty(
        drift=[WindowDrift(week(number), 500, columns) for number, columns in enumerate(drift)],
        performance=[
            served(number, value, flagged=flagged, complete=complete)
            for number, (value, flagged, complete) in enumerate(performance)
        ],
        calibration=calibration(),
    )
    html = monitor_page(found, decision(outcome))
    Outline(html)
    assert re.findall(r'class="outcome \w+">([^<]+)<', html) == [str(outcome).replace("_", " ")]
    assert not re.search(r"\b(nan|inf|None)\b", text_of(html))
    listed = rows_of(section(html, "Performance"))
    assert [row[-1].startswith("flagged") for row in listed] == [flagged for _, flagged, _ in reversed(performance)]
    drawn = [flagged for value, flagged, complete in performance if complete and value is not None and value == value]
    diamonds = section(html, "Performance").partition('<ul class="key">')[0].count("l7 7l-7 7l-7 -7z")
    assert diamonds == sum(drawn)
    compared = [columns for columns in drift if columns]
    if not compared:
        return
    marked = [row[0] for row in rows_of(section(html, "Drift of the columns")) if row[1] == "drifted"]
    assert sorted(marked) == sorted(each.name for each in compared[-1] if each.drifted)
    cells = section(html, "Columns by window").partition("<tbody>")[2].partition("</tbody>")[0]
    assert len(re.findall(r'class="[^"]*\bon"', cells)) == sum(each.drifted for columns in compared for each in columns)
