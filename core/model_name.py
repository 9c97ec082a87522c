"""The names that a registered model may have."""

from __future__ import annotations

import re

from kfp_lifecycle.core.errors import InputError

# Fits a folder, a label of Kubernetes and a name of MLflow.
_MODEL_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def check_model_name(name: str) -> str:
    """The name, if it can be a registered model, a folder and a label.

    Raises:
        InputError: it cannot.
    """
    if not _MODEL_NAME.fullmatch(name):
        raise InputError(
            "model_name",
            name,
            "1 to 63 letters, digits, dots, dashes and underscores, with a letter or digit at both ends",
            "Write for example flight-delays.",
        )
    return name
