"""Templates look up and do nothing else; keys differ whenever what they are made of does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core import reservation
from kfp_lifecycle.triggers import deliveries, templates
from kfp_lifecycle.triggers.templates import LookupFailed, TemplateError

FIELDS = {"labels": {"model": "churn", "n": "7"}, "data": {"rows": 3, "ok": True, "list": [1], "none": None, "x": 0.5}}


def filled(text: str, fields: dict[str, Any] = FIELDS) -> Any:
    return templates.value(templates.parse(text), fields)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{labels.model}", "churn"),
        ("a-{labels.model}-{labels.n}", "a-churn-7"),
        ("{data.rows}", 3),
        ("{data.list}", [1]),
        ("{data.ok}", True),
        ("rows={data.rows} {data.ok} {data.x}", "rows=3 true 0.5"),
        ("{{labels.model}}", "{labels.model}"),
        ("{{{labels.model}}}", "{churn}"),
    ],
)
def test_a_template_is_filled_in(text: str, value: Any) -> None:
    assert filled(text) == value


@pytest.mark.parametrize(
    "text",
    ["{", "}", "{}", "a{b", "{labels.model!r}", "{labels.model:>10}", "{labels[model]}", "{0}", "{a b}", "{labels..m}",
     "{.labels}", "{labels.}", "{labels.model()}", "{{labels}"],
)  # fmt: skip
def test_code_formats_and_lone_braces_are_no_templates(text: str) -> None:
    with pytest.raises(TemplateError):
        templates.parse(text)


@pytest.mark.parametrize(
    "text",
    ["{labels.absent}", "{labels.model.deeper}", "{data.none}", "x{data.list}", "x{data}", "{labels.__class__}",
     "{data.list.0}", "{labels.model.__class__}"],
)  # fmt: skip
def test_what_an_event_lacks_is_no_empty_text(text: str) -> None:
    with pytest.raises(LookupFailed):
        filled(text)


@given(st.text())
def test_what_an_event_says_is_never_read_as_a_template(said: str) -> None:
    assert filled("{labels.model}", {"labels": {"model": said}}) == said
    assert filled("<{labels.model}>", {"labels": {"model": said}}) == f"<{said}>"


@given(st.text())
def test_every_text_can_be_written_as_a_template(text: str) -> None:
    assert filled(text.replace("{", "{{").replace("}", "}}")) == text


@given(st.text(alphabet="{}ab._ "))
def test_a_text_is_a_template_or_an_error_that_names_the_brace(text: str) -> None:
    try:
        parsed = templates.parse(text)
    except TemplateError as error:
        assert "{" in str(error) or "}" in str(error)
    else:
        assert all(isinstance(part, tuple) or part for part in parsed.parts)


PAIR = templates.parse("{a}/{b}")
VALUES = st.text(alphabet=st.sampled_from("ab/{}#é\n\ud800"), max_size=6)


@given(VALUES, VALUES, VALUES, VALUES, st.sampled_from(["r", "s"]), st.sampled_from(["r", "s"]))
def test_two_events_share_a_key_only_when_all_their_values_agree(
    a: str, b: str, c: str, d: str, rule: str, other: str
) -> None:
    one = deliveries.once_key(rule, PAIR, {"a": a, "b": b})
    two = deliveries.once_key(other, PAIR, {"a": c, "b": d})
    assert (one == two) == ((rule, a, b) == (other, c, d))


@given(st.text(max_size=2000), st.text(max_size=2000))
def test_every_key_can_be_reserved(a: str, b: str) -> None:
    key = deliveries.once_key("r" * 62, PAIR, {"a": a, "b": b})
    assert reservation.check_key(key) == key
    assert reservation.run_name("p", key, 1, "h").isascii()
