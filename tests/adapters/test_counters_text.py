"""Is the text that proxies expose read as it is meant, and anything else refused?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.adapters.prometheus_text import Sample, samples


def test_names_labels_and_values_are_read() -> None:
    page = '# TYPE a counter\na 1\n\nb{} 2\nc{x="1",y_2="two",} 3.5 1700000000000\nd:e{le="+Inf"} +Inf\r\n'
    assert list(samples(page)) == [
        Sample("a", {}, 1.0),
        Sample("b", {}, 2.0),
        Sample("c", {"x": "1", "y_2": "two"}, 3.5),
        Sample("d:e", {"le": "+Inf"}, float("inf")),
    ]


def test_a_label_may_hold_what_the_format_itself_uses() -> None:
    [sample] = samples(r'a{x="} 1, \"y\"=\\ \n",z="2"} 7')
    assert sample == Sample("a", {"x": '} 1, "y"=\\ \n', "z": "2"}, 7.0)


@pytest.mark.parametrize(
    "line", ["<html>", "a", "a{x=1} 2", 'a{x="1"', 'a{x="1"} two', '{x="1"} 2', 'a{x="1" y="2"} 3', 'a{,x="1"} 2']
)
def test_another_page_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        list(samples(line))


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]*", fullmatch=True), st.text()), st.floats(allow_nan=False))
def test_what_is_written_is_read(labels: dict[str, str], value: float) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    text = ",".join(f'{name}="{escaped(content)}"' for name, content in labels.items())
    assert list(samples(f"a{{{text}}} {json.dumps(value).replace('Infinity', 'Inf')}\n")) == [
        Sample("a", labels, value)
    ]
