"""A small real run of the workflow that faults are put into, and what it gives undisturbed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.workplace import OVERLAY, SmallDisk, Tables, Workplace


@pytest.fixture(scope="session")
def finished(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The undisturbed run."""
    folder = tmp_path_factory.mktemp("faults") / "finished"
    shutil.copytree(checkout, folder, symlinks=True, ignore=shutil.ignore_patterns(".snakemake", "results"))
    (folder / "faults.yaml").write_text(OVERLAY, encoding="utf-8")
    place = Workplace(folder)
    place.run()
    return place


@pytest.fixture(scope="session")
def undisturbed(finished: Workplace) -> Tables:
    """What the run must end with whatever happens to it."""
    return finished.tables()


@pytest.fixture
def place(finished: Workplace, tmp_path: Path) -> Workplace:
    """A copy of the finished run without its training and its comparison, provenance included."""
    copied = Workplace(tmp_path / "checkout")
    shutil.copytree(finished.folder, copied.folder, symlinks=True)
    copied.forget_training()
    return copied


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of one megabyte; skips where tests may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "spectraflow-test", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount on this system")
    if mounted.returncode:
        pytest.skip(f"may not mount a small disk ({mounted.stderr.strip()})")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
