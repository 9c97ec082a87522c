"""What a model takes and what it answers: the contract between training, gates, monitoring and serving."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

ColumnType = Literal["number", "integer", "boolean", "category"]
Task = Literal["classification", "regression"]
Label = str | int | float | bool

SIGNATURE_FILE = "model.json"
# To change the format: raise this number, keep a reader of the old one in ``Signature.from_json`` and a test of both.
FORMAT = 1


@dataclass(frozen=True)
class Column:
    """One input of the model.

    Attributes:
        name: the column's name in a table and in a request.
        type: ``number``, ``integer`` (whole numbers), ``boolean`` or ``category`` (text).
        nullable: whether the training rows held missing values; the model copes with them either way.
    """

    name: str
    type: ColumnType
    nullable: bool


@dataclass(frozen=True)
class Signature:
    """The model's inputs, in order, and its answer.

    Attributes:
        task: ``classification`` or ``regression``.
        label: the column that was learned.
        classes: the label's values in the order of ``predict_proba``; None for a regression.
        columns: the inputs.
        estimator: import path of the estimator, or ``module:function`` of the user's code.
        positive_class: of two classes the one whose probability a single number means; else None.
    """

    task: Task
    label: str
    classes: tuple[Label, ...] | None
    columns: tuple[Column, ...]
    estimator: str
    positive_class: Label | None = None

    @property
    def names(self) -> list[str]:
        """The inputs' names in order."""
        return [column.name for column in self.columns]

    def to_json(self) -> dict[str, Any]:
        """The content of ``model.json``."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "task": self.task,
            "label": self.label,
            "classes": None if self.classes is None else list(self.classes),
            "columns": [
                {"name": column.name, "type": column.type, "nullable": column.nullable} for column in self.columns
            ],
            "estimator": self.estimator,
        }
        if self.positive_class is not None:
            content["positive_class"] = self.positive_class
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Signature:
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: another format, a missing key, or an unknown task or column type.
        """
        if content.get("format") != FORMAT:
            raise ValueError(
                f"{SIGNATURE_FILE} has format {content.get('format')!r}: this version reads format {FORMAT}"
            )
        try:
            columns = tuple(Column(str(c["name"]), c["type"], bool(c["nullable"])) for c in content["columns"])
            classes = content["classes"]
            signature = cls(
                task=content["task"],
                label=str(content["label"]),
                classes=None if classes is None else tuple(classes),
                columns=columns,
                estimator=str(content["estimator"]),
                positive_class=content.get("positive_class"),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{SIGNATURE_FILE} lacks {error}") from error
        if signature.task not in get_args(Task):
            raise ValueError(f"{SIGNATURE_FILE} has task {signature.task!r}: expected {' or '.join(get_args(Task))}")
        for column in columns:
            if column.type not in get_args(ColumnType):
                raise ValueError(f"{SIGNATURE_FILE}: column {column.name!r} has the unknown type {column.type!r}")
        return signature


def json_value(value: Any) -> Any:
    """A table's cell as JSON holds it: missing and not finite become None, numpy scalars plain numbers."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    # pandas marks a missing value of its own types by an object that is neither of the above.
    return None if type(value).__name__ in ("NAType", "NaTType") else str(value)


def save_signature(signature: Signature, directory: str | Path) -> None:
    """Write ``model.json``."""
    content = json.dumps(signature.to_json(), indent=2, allow_nan=False, ensure_ascii=False)
    (Path(directory) / SIGNATURE_FILE).write_text(content + "\n", encoding="utf-8")


def load_signature(directory: str | Path) -> Signature:
    """Read ``model.json`` of a model directory; no checksum is looked at here.

    Raises:
        ValueError: the file is missing or not what this version reads.
    """
    path = Path(directory) / SIGNATURE_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{SIGNATURE_FILE} is missing from the model directory {path.parent.name!r}") from None
    except ValueError as error:
        raise ValueError(f"{SIGNATURE_FILE} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{SIGNATURE_FILE} holds a {type(content).__name__}: expected an object")
    return Signature.from_json(content)
