"""Random task graphs, as a compiler could have made them."""

from __future__ import annotations

from hypothesis import strategies as st

from kfp_lifecycle.local.status_page.graph import Graph, Group, Step

_TITLES = st.sampled_from(
    ["train", "conclude after roll_back", "x" * 80, "", "ein sehr langer Name mit vielen Wörtern"]
)


@st.composite
def graphs(draw: st.DrawFn, prefix: str = "", depth: int = 3) -> Graph:
    """A graph whose keys are paths: ``0/2/1`` is in the group ``0/2``."""
    items: list[Step | Group] = []
    for place in range(draw(st.integers(1, 6 if depth == 3 else 4))):
        key, title = f"{prefix}{place}", draw(_TITLES)
        if depth and draw(st.integers(0, 3)) == 0:
            note = draw(st.sampled_from(["", "if a is 'b'", "for each of " + "item " * 30]))
            items.append(Group(key, "condition", title, note, draw(graphs(f"{key}/", depth - 1))))
        else:
            items.append(Step(key, title, frozenset({key})))
    pairs = [(one, other) for other in range(len(items)) for one in range(other)]
    edges = draw(st.sets(st.sampled_from(pairs), max_size=9)) if pairs else set()
    return Graph(tuple(items), frozenset(edges))
