"""Is a report one safe page that shows the decision it was given?"""

import re
from enum import StrEnum
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kfp_lifecycle.core.chart_parts import ticks
from kfp_lifecycle.core.charts import bar_chart, line_chart
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.report import Section, bullets, decision_section, format_number, page, paragraph, table

HOSTILE = "<script>alert('x')</script>\"&"
FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)


class Outcome(StrEnum):
    FAIL = "fail"


def test_text_from_outside_is_escaped_everywhere() -> None:
    decision = Decision(Outcome.FAIL, [HOSTILE], {HOSTILE: 1})
    html = page(
        HOSTILE,
        [
            decision_section(decision),
            Section(HOSTILE, paragraph(HOSTILE) + bullets([HOSTILE]) + table([HOSTILE], [[HOSTILE]])),
            Section(
                "charts", line_chart({HOSTILE: [(0, 0), (1, 1)]}, HOSTILE, HOSTILE) + bar_chart({HOSTILE: 1}, HOSTILE)
            ),
        ],
    )
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 10


def test_a_page_fetches_nothing() -> None:
    html = page("Evaluation", [Section("ROC", line_chart({"candidate": [(0, 0), (1, 1)]}, "ROC"))])
    assert not re.search(r"(src|href)=|url\(|@import|https?:", html)


def test_the_outcome_and_the_reasons_of_a_decision_are_shown() -> None:
    html = decision_section(Decision(Outcome.FAIL, ["AUC is below the floor."], {"auc": 0.5})).html
    assert '<span class="outcome bad">fail</span>' in html
    assert "AUC is below the floor." in html
    assert ">0.5<" in html


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5), st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=5), max_size=3
    )
)
@example({"tiny": [(0.0, 5e-324)]})
def test_a_line_chart_is_well_formed_for_any_finite_points(series: dict[str, list[tuple[float, float]]]) -> None:
    svg = re.search(r"<svg.*</svg>", line_chart(series, "caption"), re.DOTALL)
    if svg and all(c.isprintable() for name in series for c in name):
        root = ElementTree.fromstring(svg.group())
        assert len(root.findall("polyline")) == len(series)


@given(FINITE, FINITE)
@example(0.0, 5e-324)
@example(5e-324, 5e-324)
def test_ticks_cover_the_values_without_crowding(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    marks = ticks(low, high)
    slack = 1e-9 * max(abs(low), abs(high), 1)
    assert marks[0] <= low + slack
    assert marks[-1] >= high - slack
    assert 2 <= len(marks) <= 9


def test_an_axis_without_finite_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        ticks(0, float("inf"))


def test_a_chart_without_values_says_so() -> None:
    assert "nothing to draw" in bar_chart({}, "Share of each arm")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (61234, "61,234"),
        (0.71304, "0.713"),
        (1234.5, "1,234.50"),
        (2.0, "2"),
        (True, "True"),
        ("x", "x"),
        (0.00001, "1e-05"),
    ],
)
def test_numbers_are_written_as_a_reader_wants_them(value: object, text: str) -> None:
    assert format_number(value) == text
