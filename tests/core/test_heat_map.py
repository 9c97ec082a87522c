"""Does a heat map say in figures what it says in colours?"""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.heat_map import Cell, Row, heat_map, warmth

CELLS = st.builds(Cell, st.none() | st.floats(), st.booleans())


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=8))
def test_every_cell_that_is_on_is_framed_whatever_its_figure(rows):
    html = heat_map(["a", "b", "c"], [Row(f"r{i}", cells) for i, cells in enumerate(rows)], 0.1, "drifted")
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    framed = re.findall(r'<td class="[^"]*\bon\b[^"]*">', body)
    assert len(framed) == sum(cell.on for cells in rows for cell in cells)
    assert body.count("<td") == 3 * len(rows)
    assert "nan" not in body
    assert "inf" not in body


@given(st.floats(0, 10), st.floats(0, 10))
def test_a_larger_figure_is_never_colder(one, two):
    low, high = min(one, two), max(one, two)
    assert warmth(low, 0.1) <= warmth(high, 0.1)


@pytest.mark.parametrize(
    ("value", "kind"),
    [(0.05, "w0"), (0.051, "w1"), (0.1, "w1"), (0.101, "w2"), (0.3, "w3"), (0.9, "w4"), (None, ""), (math.nan, "")],
)
def test_colours_change_at_half_the_limit_the_limit_and_its_multiples(value, kind):
    assert warmth(value, 0.1) == kind


def test_the_key_gives_the_borders_of_the_colours():
    html = heat_map(["a"], [], 0.2, "drifted")
    assert re.findall(r"</span>([^<]+)<", html) == [
        "up to 0.1",
        "up to 0.2",
        "up to 0.5",
        "up to 1",
        "above 1",
        "drifted",
    ]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="row temp has 1 cells for 2 headers"):
        heat_map(["a", "b"], [Row("temp", [Cell(0.1)])], 0.1, "drifted")


def test_names_are_escaped():
    assert "<b>" not in heat_map(["<b>"], [Row("<b>", [Cell(0.1)])], 0.1, "<b>")
