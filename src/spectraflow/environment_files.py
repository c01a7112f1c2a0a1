"""Image and conda files made from envs/constraints.txt: one list of versions, however the environment is set up."""

import re
from dataclasses import dataclass
from pathlib import Path

from spectraflow.errors import InputError

SYSTEM_PACKAGES = ("git", "libexpat1", "libxext6", "libxrender1")
"""What the base image lacks: RDKit's drawing links against three libraries, and runs name the commit they come from."""

COPIED = ("pyproject.toml", "README.md", "LICENSE", "src", "envs/constraints.txt")
"""What an image is built from, relative to the checkout; everything lies below `PLACE` at the same path."""

PLACE = "/opt/spectraflow"


INDEX = "PIP_EXTRA_INDEX_URL"
"""Variable that pip itself reads: the address of an index with PyTorch's CPU builds."""


@dataclass(frozen=True)
class Flavour:
    """One kind of machine. explanation: where PyTorch's build for it comes from."""

    name: str
    explanation: str
    takes_index: bool = False


FLAVOURS = (
    Flavour(
        "cpu",
        f"With an index of CPU builds in {INDEX} pip prefers those, as their version ends in +cpu.",
        takes_index=True,
    ),
    Flavour(
        "cuda",
        "On Linux the package index has PyTorch's CUDA build, which brings CUDA's libraries; the driver is the host's.",
    ),
)


def python_version(constraints: str) -> str:
    """Return the Python version that the first line of the constraints names; raises InputError."""
    found = re.match(r"#.*\bPython (3\.\d+)\b", constraints)
    if found is None:
        raise InputError("envs/constraints.txt: the first line must be a comment that names the Python version")
    return found[1]


def pins(constraints: str) -> list[str]:
    """Return the `name==version` lines of the constraints; raises InputError for any other line."""
    lines = [line for line in constraints.splitlines() if line and not line.startswith("#")]
    for line in lines:
        if re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._!]+", line) is None:
            raise InputError(f"envs/constraints.txt: '{line}' is not one exact version (name==version)")
    return lines


def _head(flavour: Flavour, use: str) -> str:
    return f"# Written by `make docs` from envs/constraints.txt; do not edit. {use}\n# {flavour.explanation}\n"


INSTALL = f"pip install --no-cache-dir -c {PLACE}/envs/constraints.txt '{PLACE}[kubernetes]'"


def _system() -> str:
    return f"apt-get install --yes --no-install-recommends {' '.join(SYSTEM_PACKAGES)}"


def render_dockerfile(flavour: Flavour, constraints: str) -> str:
    """Return the Dockerfile of a flavour; the build context is the checkout."""
    name = f"envs/{flavour.name}.Dockerfile"
    copies = "".join(f"COPY {path} {PLACE}/{path}\n" for path in COPIED)
    return f"""\
{_head(flavour, f"docker build -f {name} -t spectraflow:{flavour.name} .")}\
FROM python:{python_version(constraints)}-slim
RUN apt-get update && {_system()} && rm -rf /var/lib/apt/lists/*
{copies}\
{f"ARG {INDEX}{chr(10)}" if flavour.takes_index else ""}\
RUN {INSTALL}
RUN spectraflow --help
WORKDIR /work
CMD ["bash"]
"""


def _apptainer_argument(flavour: Flavour) -> str:
    return f"\n%arguments\n    {INDEX}=\n" if flavour.takes_index else ""


def render_apptainer(flavour: Flavour, constraints: str) -> str:
    """Return the Apptainer definition of a flavour; it is built in the checkout."""
    copies = "".join(f"    {path} {PLACE}/{path}\n" for path in COPIED)
    return f"""\
{_head(flavour, f"apptainer build envs/spectraflow.sif envs/{flavour.name}.def")}\
Bootstrap: docker
From: python:{python_version(constraints)}-slim
{_apptainer_argument(flavour)}
%files
{copies}
%post
    apt-get update
    {_system()}
    rm -rf /var/lib/apt/lists/*
{f"    export {INDEX}='{{{{ {INDEX} }}}}'{chr(10)}" if flavour.takes_index else ""}\
    {INSTALL}

%test
    spectraflow --help
"""


def render_conda(flavour: Flavour, constraints: str) -> str:
    """Return the conda file of a flavour: Python from conda-forge, all packages as pip installs them elsewhere."""
    lines = [*pins(constraints), "--editable .."]
    packages = "".join(f"      - {line}\n" for line in lines)
    return f"""\
{_head(flavour, f"conda env create -f envs/{flavour.name}.yaml")}\
name: spectraflow-{flavour.name}
channels: [conda-forge]
dependencies:
  - python={python_version(constraints)}
  - pip
  - pip:
{packages}"""


def environment_files(root: Path) -> dict[Path, str]:
    """Return the text of every image and conda file below `root`; raises InputError without constraints."""
    source = root / "envs" / "constraints.txt"
    if not source.is_file():
        raise InputError(f"{source}: no such file; run this in the checkout or give --root")
    constraints, files = source.read_text(encoding="utf-8"), {}
    for flavour in FLAVOURS:
        files[root / "envs" / f"{flavour.name}.Dockerfile"] = render_dockerfile(flavour, constraints)
        files[root / "envs" / f"{flavour.name}.def"] = render_apptainer(flavour, constraints)
        files[root / "envs" / f"{flavour.name}.yaml"] = render_conda(flavour, constraints)
    return files
