"""Does the step answer rightly on rows that a real model served?"""

from __future__ import annotations


def test_rows_as_they_were_in_training_are_healthy(served, watch) -> None:
    answer = watch(served())
    assert answer.outcome == "healthy", answer.decision.reasons
    assert answer.window == "2013-05-20T00:00:00Z/2013-05-27T00:00:00Z"
