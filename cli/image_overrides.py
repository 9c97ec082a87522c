"""Another registry, tag or image in compiled files, without touching a face."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kfp_lifecycle.components import images
from kfp_lifecycle.core.errors import InputError


def chosen_images(registry: str, tag: str, overrides: Sequence[str]) -> dict[str, str]:
    """The reference of every family, from ``FAMILY=REFERENCE`` texts over one registry and tag.

    Raises:
        InputError: an unknown family, one named twice, or no valid reference.
    """
    chosen = {family: images.reference(family, registry=registry, tag=tag) for family in images.NAMES}
    seen: set[str] = set()
    for text in overrides:
        family, separator, reference = text.partition("=")
        if not separator or family not in images.NAMES:
            raise InputError(
                "--image", text, f"FAMILY=REFERENCE with a family of {sorted(images.NAMES)}", "See cli compile --help."
            )
        if family in seen:
            raise InputError("--image", text, "each family once", f"Remove one of the two for {family}.")
        seen.add(family)
        chosen[family] = images.check_reference(reference)
    return chosen


def rewrite(compiled: str, chosen: Mapping[str, str]) -> str:
    """A compiled file with the families' images replaced by the chosen ones.

    The text is changed rather than the parsed document, so that the rest stays byte for byte as KFP wrote it.
    """
    replaced = {images.reference(family): reference for family, reference in chosen.items()}

    def line(match: re.Match[str]) -> str:
        return match[1] + replaced.get(match[2], match[2])

    return re.sub(r"^( *image: )(\S+)$", line, compiled, flags=re.MULTILINE)
