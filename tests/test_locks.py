"""Do the five locks agree, and can they be installed from any index?"""

import configparser
import re
from itertools import combinations
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
FAMILIES = ["train", "release", "drift", "serve"]
LOCKS = ["steps", *FAMILIES]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)


def text(name: str) -> str:
    return (ROOT / "images" / f"{name}.txt").read_text()


def pins(name: str) -> dict[str, str]:
    return {re.sub(r"[-_.]+", "-", package.lower()): version for package, version in PIN.findall(text(name))}


@pytest.mark.parametrize("family", ["train", "release", "drift"])
def test_one_machine_runs_the_versions_of_the_image(family: str) -> None:
    image, machine = pins(family), pins("steps")
    assert len(image) > 20
    assert {name: (version, machine.get(name)) for name, version in image.items() if machine.get(name) != version} == {}


@pytest.mark.parametrize("package", ["numpy", "pandas", "pyarrow", "scikit-learn", "skops"])
def test_models_and_tables_mean_the_same_in_every_image(package: str) -> None:
    versions = {name: pins(name)[package] for name in LOCKS if package in pins(name)}
    assert len(versions) >= 3
    assert len(set(versions.values())) == 1, versions


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_every_requirement_of_its_extra(name: str) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = [name] if name != "steps" else ["train", "release", "drift", "authoring", "local", "test"]
    locked = pins(name)
    for extra in extras:
        for line in config["options.extras_require"][extra].strip().splitlines():
            requirement = Requirement(line)
            version = locked[requirement.name.lower()]
            assert Version(version) in requirement.specifier, f"{extra}: {line} but {version} is locked"


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash_and_no_line_names_a_host(name: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text(name))
    assert [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block] == []
    assert "://" not in text(name)
    assert "--index-url" not in text(name)


def test_the_images_that_run_steps_do_not_hold_the_serving_stack() -> None:
    for family in ["train", "release", "drift"]:
        assert "kserve" not in pins(family)
    assert "mlflow" not in pins("serve")
    assert "mlflow-skinny" not in pins("serve")
    assert "scikit-learn" not in pins("release")


def test_no_two_extras_list_one_package_with_different_bounds() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    bounds: dict[str, dict[str, str]] = {}
    for extra, lines in config["options.extras_require"].items():
        for line in lines.strip().splitlines():
            requirement = Requirement(line)
            bounds.setdefault(requirement.name, {})[extra] = str(requirement.specifier)
    for package, found in bounds.items():
        for (one, first), (other, second) in combinations(found.items(), 2):
            assert first == second, f"{package}: {one} says {first!r}, {other} says {second!r}"
