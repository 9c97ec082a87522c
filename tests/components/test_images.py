"""Which image references are accepted?"""

import pytest

from kfp_lifecycle import __version__
from kfp_lifecycle.components import images
from kfp_lifecycle.core.errors import InputError


@pytest.mark.parametrize("family", sorted(images.NAMES))
def test_an_image_carries_the_version_and_the_word_that_kfp_looks_for(family: str) -> None:
    reference = images.reference(family)
    assert reference.endswith(f":{__version__}")
    assert "python" in reference
    assert images.check_reference(reference) == reference


def test_another_registry_and_tag_keep_the_name() -> None:
    reference = images.reference("serve", registry="localhost:5000/mirror", tag="7")
    assert reference == "localhost:5000/mirror/kfp-lifecycle-python-serve:7"


@pytest.mark.parametrize(
    "text", ["r.example.com:5000/a/b:1.2", "a/b@sha256:" + "0" * 64, "image:1", "a/b:1@sha256:" + "f" * 64]
)
def test_a_pinned_reference_is_accepted(text: str) -> None:
    assert images.check_reference(text) == text


@pytest.mark.parametrize("text", ["", "a/b", "a/b:latest", "https://a/b:1", "A/B:1", "a/b:1 x", "a/b:1\n"])
def test_a_reference_that_is_moving_or_none_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        images.check_reference(text)


@pytest.mark.parametrize(
    ("family", "registry", "tag"),
    [("trian", "r/a", "1"), ("train", "https://r/a", "1"), ("train", "r/a/", "1"), ("train", "r/a", "a b")],
)
def test_a_wrong_part_is_named(family: str, registry: str, tag: str) -> None:
    with pytest.raises(InputError, match="expected"):
        images.reference(family, registry=registry, tag=tag)
