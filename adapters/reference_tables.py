"""Whole reference tables: fetched from where they lie, and the folder in which their sorted columns are kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.table import SCHEMA


def fetch_table(uri: str, directory: Path, parameter: str) -> Path:
    """The folder of a table: itself when it is local, else a copy of its files below ``directory``.

    Raises:
        InputError: nothing lies there, or no table; a copy that is not whole is refused when it is read.
    """
    place = object_store.locate(uri, parameter)
    if place.is_local:
        return Path(place.path)
    files = object_store.list_files(uri, parameter)
    if not any(file.endswith(f"/{SCHEMA}") for file in files):
        raise InputError(parameter, object_store.public(uri), f"a folder with {SCHEMA}", "Name a table's own folder.")
    directory.mkdir(parents=True, exist_ok=True)
    for file in files:
        name = file.rpartition("/")[2]
        with object_store.open_input(file, parameter) as stream, (directory / name).open("wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
    return directory


def cache_folder() -> Path | None:
    """Where sorted columns, which are values of the training rows, are kept from run to run; None without the setting.

    Raises:
        InputError: the setting names a folder that cannot be made.
    """
    named = settings.setting(settings.REFERENCE_CACHE)
    if not named:
        return None
    folder = Path(named)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(
            settings.REFERENCE_CACHE, named, "a folder that the step may write to", f"{error}. Mount one."
        ) from error
    return folder
