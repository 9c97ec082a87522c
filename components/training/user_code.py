"""The user's own training code: ``module:function``.

The function is called as ``function(frame, label, parameters, seed)``:

* ``frame``: a DataFrame of the chosen input columns and the label. Numbers, integers and booleans are 64-bit floats
  with NaN for missing, text is objects with NaN for missing. The label is as in the table.
* ``label``: the label column's name.
* ``parameters``: the parsed JSON of the step's ``parameters``.
* ``seed``: an integer for everything random.

It returns a scikit-learn estimator. A fitted one is taken as it is; it must take the frame without the label. An
unfitted ``Pipeline`` is fitted on that frame. Any other unfitted estimator goes behind the automatic preprocessor. The
function is also called on the earlier part of the rows, for the calibration windows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kfp_lifecycle
from kfp_lifecycle.components.training.estimators import import_attribute, require_root
from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes, sha256_file
from kfp_lifecycle.core.errors import InputError

Build = Callable[..., Any]


def is_user_code(path: str) -> bool:
    """Whether the path names a function, not an estimator class."""
    return ":" in path


def import_function(path: str) -> Build:
    """The user's function.

    Raises:
        InputError: the path is not allowed, leads nowhere, or to nothing that can be called.
    """
    require_root(path)
    module, _, name = path.partition(":")
    found = import_attribute(module, name, path)
    if not callable(found):
        raise InputError("estimator", path, "a function", "It is called with (frame, label, parameters, seed).")
    function: Build = found
    return function


def _sources(module: str) -> dict[str, Path]:
    """The Python files whose content decides what the module does: its own, or all of its outermost package."""
    root = sys.modules[module.partition(".")[0]]
    if not hasattr(root, "__path__"):
        return {f"{module}.py": Path(str(root.__file__))}
    found = ((Path(folder), path) for folder in root.__path__ for path in sorted(Path(folder).rglob("*.py")))
    return {path.relative_to(folder).as_posix(): path for folder, path in found}


def code_digest(path: str) -> str:
    """Identity of the code that trains, so that a change of it makes another model.

    Of the user's code it is the content of all Python files of the outermost package, or of the one module that stands
    alone; what that code imports from other packages is not looked at. Of a library's estimator it is the versions of
    that library and of this one. To be called after the import.
    """
    if is_user_code(path):
        files = {name: sha256_file(file) for name, file in _sources(path.partition(":")[0]).items()}
        return sha256_bytes(canonical_json({"files": files, "kfp-lifecycle": kfp_lifecycle.__version__}))
    root = path.split(".")[0]
    version = getattr(sys.modules[root], "__version__", "")
    return sha256_bytes(canonical_json({root: str(version), "kfp-lifecycle": kfp_lifecycle.__version__}))
