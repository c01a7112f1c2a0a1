from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spectraflow.files import read_json
from spectraflow.methods.symspectra.settings import SymspectraRun
from spectraflow.methods.symspectra.train import Tables, train
from tests.unit.methods.symspectra.small_spectra import make_settings, write_tables

LEARNING: dict[str, Any] = {
    "network": {"decoder_input": "decision_and_feature"},
    "training": {"epochs": 6, "learning_rate": 0.01},
}


@dataclass(frozen=True)
class TrainedRun:
    """A run folder, the tables it was trained on, and its metrics."""

    settings: SymspectraRun
    tables: Tables
    folder: Path
    metrics: dict[str, Any]


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A SymSpectra that has learnt to see every group; its test part has 55 molecules."""
    folder = tmp_path_factory.mktemp("trained")
    tables, settings = write_tables(folder / "tables", 330), make_settings(**LEARNING)
    train(settings, tables, folder / "run", folder / "checkpoints")
    return TrainedRun(settings, tables, folder / "run", read_json(folder / "run" / "metrics.json"))
