"""Inputs of the benchmarks: real files where a mirror lies beside the project, else files the project makes itself."""

from pathlib import Path

import pytest

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.generate import generate

MIRROR = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as <source>/<file>: the mirror, or the generated demo."""
    if MIRROR.is_dir():
        return MIRROR
    folder = tmp_path_factory.mktemp("raw")
    generate(DemoSettings(molecules=3000, library=20_000), folder)
    return folder


@pytest.fixture(scope="session")
def sd_file(raw: Path) -> Path:
    return raw / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz"


@pytest.fixture(scope="session")
def smiles_file(raw: Path) -> Path:
    library = raw / "pubchem" / "library.smi.gz"
    return library if library.exists() else raw / "pubchem" / "CID-SMILES.gz"
