"""Bounds of the trees in a loaded model.

scikit-learn follows a tree's node and column numbers without looking whether they exist, so a forged file of trusted
types could read outside an array or never end. skops names this in the reasons why it does not trust trees by itself
(``skops.io.exceptions.UNTRUSTED_TYPE_REASONS``, scikit-learn#34558). Here every number is looked at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

# Ensembles that hand their rows to the trees inside without another look at them.
_HAND_DOWN = ("sklearn.ensemble._forest", "sklearn.ensemble._gb", "sklearn.ensemble._hist", "sklearn.tree")


class ForgedTreeError(ValueError):
    """A tree in a model file points outside itself or outside the model's columns."""


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple | set):
        yield from value
    elif isinstance(value, np.ndarray):
        if value.dtype == object:
            yield from value.flat
    elif type(value).__module__.startswith("sklearn."):
        yield from getattr(value, "__dict__", {}).values()


def _require(sound: Any, what: str) -> None:
    if not np.all(sound):
        raise ForgedTreeError(f"{what}: the model file is forged or damaged, and is not loaded")


def _check_tree(tree: Any, columns: int | None) -> None:
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    nodes = np.arange(tree.node_count)
    _require(left.shape == right.shape == nodes.shape, "a tree has fewer nodes than it counts")
    inner = left != -1
    # Builders number children after their parent; a child that is not would make a loop.
    for child in (left[inner], right[inner]):
        _require((child > nodes[inner]) & (child < tree.node_count), "a tree points to a node that is not below it")
    _require(tree.value.shape[0] == tree.node_count, "a tree has fewer values than nodes")
    limit = tree.n_features if columns is None else min(columns, tree.n_features)
    feature = np.asarray(tree.feature)[inner]
    _require((feature >= 0) & (feature < limit), "a tree asks for a column that the model does not have")


def _check_predictor(predictor: Any, columns: int | None) -> None:
    nodes = predictor.nodes
    inner = nodes["is_leaf"] == 0
    numbers = np.arange(len(nodes))[inner]
    for side in ("left", "right"):
        child = nodes[side][inner].astype(np.int64)
        _require((child > numbers) & (child < len(nodes)), "a tree points to a node that is not below it")
    feature = nodes["feature_idx"][inner].astype(np.int64)
    _require((feature >= 0) & (feature < (columns or 0)), "a tree asks for a column that the model does not have")
    categorical = inner & (nodes["is_categorical"] != 0)
    bitset = nodes["bitset_idx"][categorical].astype(np.int64)
    for bitsets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        _require((bitset >= 0) & (bitset < len(bitsets)), "a tree asks for categories that it does not have")


def _columns_of(value: Any, columns: int | None) -> int | None:
    """How many columns the rows have that reach the trees inside ``value``; None where nobody has looked."""
    own = getattr(value, "__dict__", {}).get("n_features_in_")
    if own is None:
        return columns
    if not type(value).__module__.startswith(_HAND_DOWN):
        # It calls what is inside it through ``predict``, which compares the rows with its own count.
        return None
    return int(own) if columns is None else min(int(own), columns)


def check_trees(model: Any) -> None:
    """Look at every tree in a loaded model.

    Raises:
        ForgedTreeError: a node or column number is out of bounds.
    """
    seen: set[int] = set()
    waiting: list[tuple[Any, int | None]] = [(model, None)]
    while waiting:
        value, columns = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        kind = type(value).__name__
        if kind == "Tree":
            _check_tree(value, columns)
        elif kind == "TreePredictor":
            _check_predictor(value, columns)
        else:
            columns = _columns_of(value, columns)
            waiting.extend((child, columns) for child in _children(value))
