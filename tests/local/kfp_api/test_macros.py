"""Are macros expanded as KFP expands them? The texts are those of its own tests, and of Go's documentation."""

from __future__ import annotations

import pytest

from kfp_lifecycle.local.kfp_api.macros import Firing, expanded, formatted

FIRING = Firing("some-run-uuid", 25, 26, 27)
# Go's reference time is Mon Jan 2 15:04:05 2006; this is Wed Jun 7 21:08:09 2023, day 158 of the year.
MOMENT = 1686172089.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FOO [[RunUUID]] FOO", "FOO some-run-uuid FOO"),
        ("FOO [[ScheduledTime]] FOO", "FOO 19700101000025 FOO"),
        ("FOO [[CurrentTime]] FOO", "FOO 19700101000026 FOO"),
        ("FOO [[Index]] FOO", "FOO 27 FOO"),
        ("FOO [[ScheduledTime.15-04-05]] FOO", "FOO 00-00-25 FOO"),
        ("FOO [[CurrentTime.15-04-05]] FOO", "FOO 00-00-26 FOO"),
        ("[[Index]] [[Index]] [[RunUUID]]", "27 27 some-run-uuid"),
        ("FOO [[]] [[Unknown]] [[Index.1]] FOO", "FOO [[]] [[Unknown]] [[Index.1]] FOO"),
    ],
)
def test_a_macro_becomes_its_value_and_other_brackets_stay(text: str, expected: str) -> None:
    assert expanded(text, FIRING) == expected


def test_values_in_lists_and_objects_are_expanded_and_others_left() -> None:
    value = {"nested": ["[[Index]]", {"run": "[[RunUUID]]"}], "number": 42.0, "flag": True, "none": None}
    assert expanded(value, FIRING) == {**value, "nested": ["27", {"run": "some-run-uuid"}]}


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("2006-01-02T15:04:05Z07:00", "2023-06-07T21:08:09Z"),
        ("Mon Jan _2 15:04:05 MST 2006", "Wed Jun  7 21:08:09 UTC 2023"),
        ("Monday, 02-Jan-06 3:04PM", "Wednesday, 07-Jun-23 9:08PM"),
        ("January 2 03pm -0700 -07:00 -07", "June 7 09pm +0000 +00:00 +00"),
        ("002 __2 1 4 5", "158 158 6 8 9"),
        ("05.000 05.999 05,00", "09.000 09 09,00"),
        ("Month Janet year_2006", "Month Janet year_2023"),
    ],
)
def test_layouts_are_those_of_go(layout: str, expected: str) -> None:
    assert formatted(MOMENT, layout) == expected
