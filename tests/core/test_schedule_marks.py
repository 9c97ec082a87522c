"""What a recurring run's description says about its owner comes back as it was written, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.schedule_marks import Mark, described, read_mark

TEXTS = st.text(max_size=40)


@given(
    owner=TEXTS,
    name=TEXTS,
    digest=TEXTS,
    start=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_a_mark_is_read_as_it_was_written(owner: str, name: str, digest: str, start: datetime | None) -> None:
    mark = Mark(owner, name, digest, start)

    assert read_mark(described(mark), name) == mark


@given(st.text())
def test_a_description_of_anybody_else_is_no_mark(text: str) -> None:
    assert read_mark(text, "nightly") is None


def test_a_copy_under_another_name_is_not_ours() -> None:
    assert read_mark(described(Mark("me", "nightly", "d")), "Clone of nightly") is None


def test_a_broken_or_doubled_mark_is_none() -> None:
    text = described(Mark("me", "nightly", "d"))

    assert read_mark(text[:-1], "nightly") is None
    assert read_mark(f"{text}\n{text}", "nightly") is None
    assert read_mark(text.replace('"d"', "3"), "nightly") is None
