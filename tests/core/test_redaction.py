"""Is a text fit to be shown: without secrets, and still a text?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.redaction import SHORTEST_SECRET, redacted

secrets = st.lists(st.text("ab/@:.", min_size=SHORTEST_SECRET, max_size=12), max_size=4)


@given(st.text("ab/@:. \n", max_size=60), secrets, st.randoms())
def test_no_secret_is_left_in_whatever_their_order(text: str, hidden: list[str], random: object) -> None:
    said = redacted(text + "".join(hidden), hidden)
    assert not any(secret in said for secret in hidden)
    assert said == redacted(text + "".join(hidden), sorted(hidden))


def test_a_secret_that_holds_another_leaves_no_rest() -> None:
    assert redacted("hunter2-hunter3", ["hunter2", "hunter2-hunter3"]) == "***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://ann:pw1@host/path", "at http://***@host/path"),
        ("at http://ann:p@w@host, ann@host", "at http://***@host, ann@host"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
    ],
)
def test_the_credentials_of_an_address_are_taken_out(text: str, shown: str) -> None:
    assert redacted(text, []) == shown


def test_a_value_too_short_to_be_told_from_words_is_left_in() -> None:
    assert redacted("the root of a test", ["test", "root", "the", ""]) == "the root of a test"
