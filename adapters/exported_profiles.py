"""What monitoring needs of an exported model: its signature and profile, checked byte for byte, and nothing that runs.

The model file is not copied. Every file name is looked at all the same: one that the seal does not name is refused
before anything but the seal is read, and so is a profile that holds a pickle.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.core.checksums import CHECKSUMS, sha256_bytes, sha256_file
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.models_root import ModelsRoot
from kfp_lifecycle.core.pickles import refuse_pickles
from kfp_lifecycle.core.profile import FOLDER, TRAINING_ROWS
from kfp_lifecycle.core.settings import MODELS_ROOT
from kfp_lifecycle.core.signature import SIGNATURE_FILE

_REMEDY = "Remove the folder and register the model again."


def fetch_profile(root: ModelsRoot, uri: str, digest: str, directory: Path) -> None:
    """Copy ``model.json`` and ``profile/`` of an export, without the hashes of its training rows.

    Args:
        root: by which the URI is read.
        uri: of the export.
        digest: of the model, as it was registered.
        directory: to fill.

    Raises:
        InputError: nothing lies there; a file is changed, added or missing; or the profile holds a pickle.
    """
    place = root.readable(uri)
    base = object_store.locate(place, MODELS_ROOT)
    files = {
        object_store.locate(file, MODELS_ROOT).path.removeprefix(base.path).lstrip("/"): file
        for file in object_store.list_files(place, MODELS_ROOT)
    }
    if CHECKSUMS not in files:
        raise _refused(uri, CHECKSUMS, f"a sealed model; {CHECKSUMS} is missing")
    content = object_store.read_bytes(files[CHECKSUMS], MODELS_ROOT)
    if sha256_bytes(content) != digest:
        raise _refused(uri, CHECKSUMS, f"the model with digest {digest}")
    sealed: dict[str, str] = json.loads(content)
    for name in sorted((files.keys() - {CHECKSUMS}) ^ sealed.keys()):
        raise _refused(uri, name, "the files that were sealed; this one is " + ("missing" if name in sealed else "new"))
    for name in sorted(sealed):
        if name == SIGNATURE_FILE or (name.startswith(f"{FOLDER}/") and name != f"{FOLDER}/{TRAINING_ROWS}"):
            _copy(files[name], directory / name)
            if sha256_file(directory / name) != sealed[name]:
                raise _refused(uri, name, "the file that was sealed; this one was changed")
    refuse_pickles(directory, "uri", ("*.json", "*.parquet"))


def _copy(uri: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with object_store.open_input(uri, MODELS_ROOT) as stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)


def _refused(uri: str, name: str, expected: str) -> InputError:
    return InputError("uri", f"{uri}/{name}", expected, _REMEDY)
