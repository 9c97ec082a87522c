"""Whether a candidate and the champion can stand in for each other."""

from __future__ import annotations

from kfp_lifecycle.core.signature import Signature


def _columns(signature: Signature) -> dict[str, str]:
    return {column.name: column.type for column in signature.columns}


def why_not_comparable(candidate: Signature, champion: Signature) -> str:
    """The first reason why the two cannot be compared; empty when they can.

    Beside each other on one service they get the same requests, so they must take the same columns, as the same types,
    and answer the same question. Whether a column may be missing does not matter: both cope with it.
    """
    remedy = "release it under another model name"
    if candidate.label != champion.label:
        return f"the candidate predicts {candidate.label!r} and the champion {champion.label!r}: {remedy}"
    if candidate.task != champion.task:
        return f"the candidate is a {candidate.task} and the champion a {champion.task}: {remedy}"
    # By their spelling: in Python False equals 0.
    if repr(candidate.classes) != repr(champion.classes):
        return (
            f"the candidate knows the classes {list(candidate.classes or ())} and the champion"
            f" {list(champion.classes or ())}: {remedy}, or train on rows of the same classes"
        )
    ours, theirs = _columns(candidate), _columns(champion)
    changes = [
        *(f"it lacks {name!r}" for name in theirs if name not in ours),
        *(f"it adds {name!r}" for name in ours if name not in theirs),
        *(
            f"{name!r} is {ours[name]}, not {theirs[name]}"
            for name in ours
            if name in theirs and ours[name] != theirs[name]
        ),
    ]
    if not changes:
        return ""
    return (
        f"the candidate takes other columns than the champion ({'; '.join(changes)}), and requests to the service fit"
        " only one of them: train on the champion's columns (train's parameter features keeps a column that is the same"
        f" in every row), or {remedy}"
    )
