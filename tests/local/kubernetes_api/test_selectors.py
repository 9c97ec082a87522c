"""Do label selectors mean what they mean in Kubernetes?"""

from __future__ import annotations

import pytest

from kfp_lifecycle.local.kubernetes_api.selectors import SelectorError, matcher, parse_labels


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("", "a b c none"),
        ("app=a", "a"),
        ("app == a", "a"),
        ("app!=a", "b c none"),
        ("app in (a, b)", "a b"),
        ("app notin (a,b)", "c none"),
        ("app", "a b c"),
        ("!app", "none"),
        ("app,tier=gold", "b"),
        ("app in (a),tier", ""),
        ("size>3", "c"),
        ("size<3", "b"),
        ("example.com/x=", "a"),
    ],
)
def test_a_selector_selects(selector: str, selected: str) -> None:
    labels = {
        "a": {"app": "a", "example.com/x": ""},
        "b": {"app": "b", "tier": "gold", "size": "2"},
        "c": {"app": "c", "size": "10"},
        "none": {},
    }
    matches = matcher(selector, "")
    assert " ".join(name for name in labels if matches({"metadata": {"labels": labels[name]}})) == selected


@pytest.mark.parametrize("selector", ["app in (", "app in a", "=a", "app=a b", "app ~ a", "!", "size>x", "a,,b", "-a"])
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(SelectorError):
        parse_labels(selector)
