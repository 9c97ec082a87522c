"""The parameters of ``train``, looked at as far as they can be without the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from kfp_lifecycle.components.training.estimators import make_estimator, parse_parameters
from kfp_lifecycle.components.training.user_code import Build, code_digest, import_function, is_user_code
from kfp_lifecycle.core.checksums import content_key
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.model_name import check_model_name
from kfp_lifecycle.core.window import parse_duration

_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Request:
    """What is to be trained.

    Attributes:
        estimator: import path or ``module:function``; ``prototype`` is the unfitted estimator of the one, ``function``
            the function of the other.
        parameters: parsed.
        calibration_window: None when no calibration is wanted.
    """

    label: str
    model_name: str
    estimator: str
    parameters: dict[str, Any]
    task: str
    features: tuple[str, ...]
    exclude: tuple[str, ...]
    time_column: str
    calibration_window: timedelta | None
    seed: int
    prototype: Any
    function: Build | None

    def content_key(self, table_digest: str) -> str:
        """Everything that decides the model directory, as one digest."""
        return content_key(
            model_name=self.model_name,
            table_digest=table_digest,
            estimator=self.estimator,
            # Another label or other columns of the same table make another model.
            parameters={
                "estimator": self.parameters,
                "label": self.label,
                "task": self.task,
                "features": sorted(self.features),
                "exclude": sorted(self.exclude),
                "time_column": self.time_column,
                "calibration_window": str(self.calibration_window or ""),
            },
            seed=self.seed,
            code_digest=code_digest(self.estimator),
        )

    def to_log(self) -> dict[str, str]:
        """The parameters as MLflow shows them."""
        shown = {
            "estimator": self.estimator,
            "label": self.label,
            "task": self.task,
            "seed": str(self.seed),
            "time_column": self.time_column,
            "calibration_window": str(self.calibration_window or ""),
        }
        return shown | {f"parameters.{name}": json.dumps(value) for name, value in self.parameters.items()}


def read_request(
    *,
    label: str,
    model_name: str,
    estimator: str,
    parameters: str,
    task: str,
    features: Sequence[str],
    exclude: Sequence[str],
    time_column: str,
    calibration_window: str,
    seed: int,
) -> Request:
    """The step's parameters; see its face.

    Raises:
        InputError: one of them cannot be.
    """
    if not 0 <= int(seed) <= _LARGEST_SEED:
        raise InputError("seed", seed, f"a whole number from 0 to {_LARGEST_SEED}", "Choose another seed.")
    check_model_name(model_name)
    parsed = parse_parameters(parameters)
    user_code = is_user_code(estimator)
    return Request(
        label=label,
        model_name=model_name,
        estimator=estimator,
        parameters=parsed,
        task=task,
        features=tuple(features or ()),
        exclude=tuple(exclude or ()),
        time_column=time_column,
        calibration_window=parse_duration(calibration_window, "calibration_window") if calibration_window else None,
        seed=int(seed),
        prototype=None if user_code else make_estimator(estimator, parsed, int(seed)),
        function=import_function(estimator) if user_code else None,
    )
