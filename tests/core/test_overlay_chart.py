"""Is a distribution drawn over its reference whole, within its frame and for any sketch?"""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kfp_lifecycle.core.overlay_chart import overlay
from kfp_lifecycle.core.sketches import CategorySketch, NumberSketch, sketch_categories, sketch_numbers

HOSTILE = "<script>alert(1)</script>"
VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40)
NAMES = st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30), max_size=40)


def svg_of(html: str) -> ElementTree.Element | None:
    found = re.search(r"<svg.*?</svg>", html, re.DOTALL)
    return ElementTree.fromstring(found.group()) if found else None


def numbers(values) -> NumberSketch:
    return sketch_numbers(np.array(values, np.float64))


def shares(path: str) -> list[float]:
    """The heights of the steps of a histogram, as shares of the drawing's height."""
    return [148 - float(height) for height in re.findall(r"V([\d.]+)H", path)]


# The first call imports what makes sketches.
@settings(deadline=None)
@given(VALUES, VALUES)
@example([1e308], [-1e308])
@example([5e-324, 0.0], [0.0])
@example([0.1 + 0.2], [0.3])
@example([1e300], [1e300])
@example([4503599627370497.5, 1.0], [2.0])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_numbers_are_drawn_within_the_frame_or_not_at_all(reference, current):
    html = overlay("x", "note", numbers(reference), numbers(current))
    drawing = svg_of(html)
    assert "nan" not in html
    assert "inf" not in html
    if drawing is None:
        assert "<p>" in html
        return
    paths = [each.attrib["d"] for each in drawing.iter("path")]
    assert len(paths) == 2
    for path in paths:
        assert all(0 <= float(x) <= 300.01 for x in re.findall(r"H(-?[\d.]+)", path))
        assert all(0 <= float(y) <= 170 for y in re.findall(r"V(-?[\d.]+)", path))


@settings(deadline=None)
@given(NAMES, NAMES)
def test_any_categories_are_drawn_in_pairs_within_the_frame(reference, current):
    sides = [sketch_categories(np.array([*side, None], object)) for side in (reference, current)]
    html = overlay("x", "note", *sides)
    drawing = svg_of(html)
    if not reference or not current:
        assert "No values on one of the sides" in html
        return
    assert drawing is not None
    bars = list(drawing.iter("rect"))
    assert len(bars) % 2 == 0
    assert len(bars) <= 16
    assert all(float(bar.attrib["x"]) + float(bar.attrib["width"]) <= 230 for bar in bars)


def test_a_column_of_whole_numbers_has_a_bar_a_value():
    html = overlay("hour", "", numbers(np.repeat(np.arange(24), 10)), numbers(np.repeat(np.arange(24), 10)))
    drawing = svg_of(html)
    assert drawing is not None
    path = next(drawing.iter("path")).attrib["d"]
    steps = shares(path)
    assert len(steps) == 24
    assert max(steps) - min(steps) < 0.2


def test_whole_numbers_of_a_wide_range_have_no_bars_between_them():
    html = overlay("distance", "", numbers(np.arange(1001)), numbers(np.arange(1001)))
    drawing = svg_of(html)
    assert drawing is not None
    assert min(shares(next(drawing.iter("path")).attrib["d"])[:-1]) > 0


def test_an_outlier_squeezes_nothing():
    usual = np.random.default_rng(0).normal(size=5000)
    html = overlay("x", "", numbers(usual), numbers([*usual, 1e6]))
    drawing = svg_of(html)
    assert drawing is not None
    assert sum(step > 1 for step in shares(next(drawing.iter("path")).attrib["d"])) > 20


def test_categories_that_are_left_out_are_drawn_together():
    many = CategorySketch(200, 0, {f"c{number}": 10 for number in range(15)}, 50, 40)
    html = overlay("carrier", "", many, many)
    assert "all others" in html
    assert "65 → 65%" in html


def test_numbers_over_categories_are_not_drawn():
    html = overlay("x", "", numbers([1.0]), sketch_categories(np.array(["a"], object)))
    assert svg_of(html) is None
    assert "Numbers on one side, categories on the other." in html


def test_names_from_outside_are_escaped_and_cut():
    sketch = sketch_categories(np.array([HOSTILE, HOSTILE, "b" * 5000], object))
    html = overlay(HOSTILE + "c" * 5000, HOSTILE, sketch, sketch)
    assert "<script" not in html
    assert len(html) < 3000
