"""Comparison of the columns a request brings with those the model takes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kfp_lifecycle.serving.refusal import BAD_VALUES, Refusal, shown


def _listed(names: Sequence[str]) -> str:
    head = ", ".join(repr(name) for name in names[:5])
    return head if len(names) <= 5 else f"{head} and {len(names) - 5} more"


def refuse_other_names(given: Collection[str], expected: Sequence[str], where: str = "") -> None:
    """Refuse missing and unknown columns by name.

    Args:
        given: the names in the request.
        expected: the names in the signature.
        where: the place in the request, such as ", row 3".

    Raises:
        Refusal: 422, naming the missing columns first, else the unknown ones.
    """
    if missing := [name for name in expected if name not in given]:
        raise Refusal(f"missing column {_listed(missing)}{where}", BAD_VALUES)
    known = set(expected)
    if unknown := [name for name in given if name not in known]:
        shortened = [shown(name) for name in unknown[:5]]
        raise Refusal(f"unknown column {', '.join(shortened)}{where}: the model takes {_listed(expected)}", BAD_VALUES)
