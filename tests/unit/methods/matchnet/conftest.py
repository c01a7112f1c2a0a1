"""Fixtures of matching: small data sets, and small trained networks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spectraflow.files import read_json
from spectraflow.methods.matchnet.inputs import Inputs
from spectraflow.methods.matchnet.settings import MatchnetRun
from spectraflow.methods.matchnet.train import train
from tests.unit.methods.matchnet.matching_files import MatchingFiles, small_run, write_matching_files


@pytest.fixture
def matching_files(tmp_path: Path) -> Callable[..., MatchingFiles]:
    """Write a small data set under tmp_path; see `write_matching_files`."""
    return lambda *args, **kwargs: write_matching_files(tmp_path / "data", *args, **kwargs)


@dataclass(frozen=True)
class TrainedRun:
    """A run folder, the files it was trained on, and its metrics."""

    settings: MatchnetRun
    files: MatchingFiles
    inputs: Inputs
    folder: Path

    @property
    def metrics(self) -> dict[str, Any]:
        return read_json(self.folder / "metrics.json")


@pytest.fixture(scope="session")
def trained_networks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TrainedRun]:
    """Train a small network of vectors, images or peaks when it is first asked for."""
    known: dict[str, TrainedRun] = {}
    root = tmp_path_factory.mktemp("matching")
    files = write_matching_files(root / "data", 64)

    def trained(spectra: str) -> TrainedRun:
        if spectra not in known:
            settings = small_run(network={"spectra": spectra})
            inputs = files.inputs(files.features() if spectra == "images" else None)
            folder = root / spectra
            train(settings, inputs, folder, root / "checkpoints")
            known[spectra] = TrainedRun(settings, files, inputs, folder)
        return known[spectra]

    return trained
