"""Which texts are versions?"""

from __future__ import annotations

import pytest

from kfp_lifecycle.core.versions import Version, image_version, read_version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.14.3", (2, 14)),
        ("v0.21.0-rc1", (0, 21)),
        ("2.17.0+local", (2, 17)),
        (" 0.21 \n", (0, 21)),
        ("latest", None),
        ("unknown", None),
        ("", None),
        ("2", None),
        ("dev-2.14", None),
        ("2.14.0.dev1", (2, 14)),
        ("2.14 or so", None),
    ],
)
def test_a_version_is_read_by_its_first_two_numbers(text: str, expected: Version | None) -> None:
    assert read_version(text) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("kserve/kserve-controller:v0.21.0", (0, 21)),
        ("registry.example:5000/kserve/kserve-controller:v0.19.0@sha256:0a", (0, 19)),
        ("registry.example:5000/kserve/kserve-controller", None),
        ("kserve/kserve-controller@sha256:0a", None),
        ("kserve/kserve-controller:latest", None),
        ("", None),
    ],
)
def test_an_images_version_is_its_tag(image: str, expected: Version | None) -> None:
    assert image_version(image) == expected
