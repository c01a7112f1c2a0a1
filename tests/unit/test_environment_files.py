import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from spectraflow.environment_files import FLAVOURS, PLACE, environment_files, pins, python_version
from spectraflow.errors import InputError

ROOT = Path(__file__).parents[2]
CONSTRAINTS = (ROOT / "envs" / "constraints.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMES = [flavour.name for flavour in FLAVOURS]


def pinned() -> dict[str, str]:
    split = (line.split("==") for line in pins(CONSTRAINTS))
    return {canonicalize_name(name): version for name, version in split}


def commands(name: str, installer: str) -> list[list[str]]:
    """The words of every line of an image file in which an installer is called."""
    text = (ROOT / "envs" / name).read_text()
    return [shlex.split(line.removeprefix("RUN ")) for line in text.splitlines() if installer in line.split("#")[0]]


def test_files_are_those_that_the_pins_give():
    for path, text in environment_files(ROOT).items():
        assert path.read_text() == text, f"{path.name}: run `make docs`"


def test_a_changed_pin_changes_every_conda_file_and_a_changed_python_every_file(tmp_path):
    (tmp_path / "envs").mkdir()

    def files(text: str) -> dict[str, str]:
        (tmp_path / "envs" / "constraints.txt").write_text(text)
        return {path.name: text for path, text in environment_files(tmp_path).items()}

    before = files("# Python 3.11\na==1\n")
    other_pin, other_python = files("# Python 3.11\na==2\n"), files("# Python 3.12\na==1\n")
    assert {name for name in before if before[name] != other_pin[name]} == {f"{name}.yaml" for name in NAMES}
    assert all(before[name] != other_python[name] for name in before)


@pytest.mark.parametrize("name", NAMES)
def test_conda_files_pin_the_same_packages(name):
    *conda, packages = yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text())["dependencies"]
    assert conda == [f"python={python_version(CONSTRAINTS)}", "pip"]
    found = [Requirement(line) for line in packages["pip"] if not line.startswith("--")]
    assert {canonicalize_name(one.name): str(one.specifier) for one in found} == {
        name: f"=={version}" for name, version in pinned().items()
    }


def test_pins_cover_and_satisfy_what_the_project_asks_for():
    asked = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    versions = pinned()
    for requirement in map(Requirement, asked):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} has no pin: run `make pin`"
        assert version in requirement.specifier, f"{requirement} is pinned to {version}"


def test_python_is_one_that_the_project_supports():
    assert python_version(CONSTRAINTS) in SpecifierSet(PROJECT["requires-python"])


@pytest.mark.parametrize("name", [f"{name}.{kind}" for name in NAMES for kind in ("Dockerfile", "def")])
def test_images_are_built_from_what_is_in_the_checkout_with_the_pins(name):
    text = (ROOT / "envs" / name).read_text()
    copied = re.findall(rf"^(?:COPY|   ) (\S+) {PLACE}/(\S+)$", text, re.MULTILINE)
    assert {"pyproject.toml", "src", "envs/constraints.txt"} <= {source for source, _ in copied}
    assert all(source == target and (ROOT / source).exists() for source, target in copied)
    (pip,) = commands(name, "pip install")
    assert pip[pip.index("-c") + 1] == f"{PLACE}/envs/constraints.txt"
    assert pip[-1] == f"{PLACE}[kubernetes]"  # whose pods run Snakemake from the image
    assert f"python:{python_version(CONSTRAINTS)}-slim\n" in text


@pytest.mark.parametrize(
    ("text", "message"), [("a==1\n", "names the Python version"), ("# Python 3.11\na>=1\n", "'a>=1' is not one exact")]
)
def test_constraints_that_are_no_pins_are_refused(tmp_path, text, message):
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "constraints.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        environment_files(tmp_path)


def test_missing_constraints_are_named(tmp_path):
    with pytest.raises(InputError, match=r"constraints\.txt: no such file"):
        environment_files(tmp_path)
