"""Are the notes on runs few, small and readable whatever lies beside them?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.run_notes import KEPT, RunNote, is_key, note_of, with_note

AT = "2026-11-24T10:00:00Z"


@given(st.text(max_size=600), st.booleans())
def test_a_note_is_read_as_it_was_written(said: str, refused: bool) -> None:
    note = RunNote(said, refused, AT)
    assert note_of(with_note({"other": "not json"}, "run", note), "run") == note


def test_the_oldest_give_way_and_a_long_one_is_cut() -> None:
    kept: dict[str, str] = {"broken": "{"}
    for number in range(KEPT + 10):
        kept = with_note(kept, f"run-{number}", RunNote("x" * 10_000, False, f"2026-11-24T10:{number:02}:00Z"))
    assert set(kept) == {f"run-{number}" for number in range(10, KEPT + 10)}
    assert sum(map(len, kept.values())) < 64 * 1024


@given(st.dictionaries(st.just("run"), st.text() | st.sampled_from(["{}", "[]", "1", '{"said": 1}'])))
def test_a_note_that_nobody_can_read_is_none(kept: dict[str, str]) -> None:
    assert note_of(kept, "run") is None


def test_only_what_a_config_map_takes_is_a_key() -> None:
    assert is_key("0f1e-a.b_c") and not is_key("") and not is_key("a/b") and not is_key("a" * 254)
