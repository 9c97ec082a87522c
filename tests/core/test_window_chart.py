"""Does the chart of windows show each window once, where its value is, and its limit?"""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.window_chart import Mark, Point, window_chart

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)
MAYBE = st.none() | FINITE
POINTS = st.lists(
    st.builds(
        Point,
        label=st.dates().map(str),
        value=MAYBE,
        mark=st.sampled_from([Mark.FINE, Mark.FLAGGED, Mark.OPEN]),
        base=MAYBE,
        limit=MAYBE,
    ),
    max_size=30,
)


def svg_of(html: str) -> ElementTree.Element:
    found = re.search(r"<svg viewBox.*?</svg>", html, re.DOTALL)
    assert found
    return ElementTree.fromstring(found.group())


def height(label: str, html: str) -> float:
    """Where the circle of this window lies."""
    circle = next(each for each in svg_of(html).iter("circle") if (each[0].text or "").startswith(label))
    return float(circle.attrib["cy"])


@given(st.lists(st.builds(Point, st.just("x"), MAYBE, st.just(Mark.REFERENCE)), max_size=9), POINTS, MAYBE)
def test_every_window_with_a_value_has_one_mark_of_its_kind(reference, points, mean):
    html = window_chart(reference, points, "log_loss", mean)
    shown = [point for point in [*reference, *points] if point.value is not None]
    if not shown:
        assert html == ""
        return
    drawing = svg_of(html)
    marks = [each for each in drawing.iter() if each.find("title") is not None]
    assert len(marks) == len(shown)
    assert sum(each.tag == "path" for each in marks) == sum(point.mark is Mark.FLAGGED for point in shown)
    places = [float(value) for each in drawing.iter("circle") for value in (each.attrib["cx"], each.attrib["cy"])]
    assert all(0 <= place <= 900 for place in places)


def test_a_worse_value_lies_beyond_the_limit_and_a_better_one_before_it():
    points = [Point("a", 0.45, Mark.FINE, 0.4, 0.5), Point("b", 0.55, Mark.FINE, 0.4, 0.5)]
    html = window_chart([], points, "log_loss")
    limits = [each.attrib["d"] for each in svg_of(html).iter("path") if each.attrib.get("stroke") == "var(--bad)"]
    assert len(limits) == 1
    limit = float(limits[0].partition("H")[0].split()[1])
    assert height("b", html) < limit < height("a", html)


def test_windows_whose_labels_are_to_come_lie_in_a_shade():
    html = window_chart([], [Point("a", 1.0, Mark.FINE), Point("b", None, Mark.OPEN)], "accuracy")
    assert html.count('opacity=".13"') == 1
    assert "label lag" in html
    assert "no value" in html


def test_dates_stand_apart_however_many_windows_there_are():
    points = [Point(f"2013-01-{day:02}", 1.0, Mark.FINE) for day in range(1, 31)]
    drawing = svg_of(window_chart([], points, "accuracy"))
    dates = [float(each.attrib["x"]) for each in drawing.iter("text") if (each.text or "").startswith("2013-")]
    assert len(dates) > 5
    assert min(abs(one - two) for one in dates for two in dates if one != two) >= 70


def test_dates_of_the_two_sides_stand_apart_too():
    before = [Point(f"2013-01-{day:02}", 1.0, Mark.REFERENCE) for day in range(1, 29)]
    after = [Point(f"2013-02-{day:02}", 1.0, Mark.FINE) for day in range(1, 8)]
    drawing = svg_of(window_chart(before, after, "accuracy"))
    dates = [float(each.attrib["x"]) for each in drawing.iter("text") if (each.text or "").startswith("2013-")]
    assert min(abs(one - two) for one in dates for two in dates if one != two) >= 70


def test_the_key_names_what_is_drawn_and_nothing_else():
    html = window_chart([Point("a", 1.0, Mark.REFERENCE)], [Point("b", 1.0, Mark.FINE)], "accuracy", 1.0, 0.1)
    words = re.findall(r"</svg>([^<]+)</li>", html)
    assert words == ["calibration", "not flagged", "mean of calibration ± 1 sd"]
