"""Small batches and tables of made-up spectra in which every functional group is a peak, and a narrow network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spectraflow.methods.symspectra.batch import SpectraBatch
from spectraflow.methods.symspectra.settings import NetworkSettings, ObjectiveSettings, SymspectraRun
from spectraflow.methods.symspectra.symspectra import SymSpectra
from spectraflow.methods.symspectra.train import Tables
from spectraflow.settings import merge
from spectraflow.tables import PEAKS, SPLITS, labels_schema, vectors_schema
from tests.unit.conftest import write_rows

NAMES = ["Alcohol", "Ketone", "Carboxylic acid", "Nitrile"]
MODALITIES = ["IR", "13C"]
NETWORK: dict[str, Any] = {
    "channels": [8, 16],
    "heads": 2,
    "fusion": 16,
    "hidden": [64, 32],
    "dropout": 0.0,
    "decoder_dim": 32,
    "decoder_embedding": 8,
}
BASELINE: dict[str, Any] = {
    "filters": [4, 8],
    "dense": [32],
    "dim": 16,
    "heads": 2,
    "feedforward": 32,
    "layers": 1,
    "patch": 60,
    "trees": 5,
    "commonest": 2,
}
RUN: dict[str, Any] = {
    "modalities": MODALITIES,
    "network": NETWORK,
    "baseline": BASELINE,
    "training": {
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "schedule": "cosine",
        "weight_decay": 0.0,
        "gradient_clip": 1.0,
    },
}


def make_settings(**difference: Any) -> SymspectraRun:
    """Return the settings of a run of seconds."""
    return SymspectraRun.model_validate(merge(RUN, difference))


def make_spectra(labels: np.ndarray, modalities: int, generator: np.random.Generator) -> np.ndarray:
    """Return vectors (N, n, 600) with a peak for every group, elsewhere in each modality, and noise."""
    points = np.arange(600)
    places = 60 + 120 * np.arange(labels.shape[1])[:, None] + 30 * np.arange(modalities)
    peaks = np.exp(-(((points - places[..., None]) / 6) ** 2) / 2)  # groups, modalities, points
    noise = 0.05 * generator.random((len(labels), modalities, 600))
    return (np.einsum("nk,kmp->nmp", labels, peaks) + noise).astype(np.float32)


def make_batch(size: int = 8, modalities: int = 3, groups: int = 5, seed: int = 0) -> SpectraBatch:
    generator = np.random.default_rng(seed)
    labels = generator.random((size, groups)) < 0.4
    vectors = torch.from_numpy(make_spectra(labels, modalities, generator))
    present = torch.ones(size, modalities, dtype=torch.bool)
    return SpectraBatch(vectors, present, torch.from_numpy(labels).float(), torch.arange(size))


def select(batch: SpectraBatch, rows: list[int]) -> SpectraBatch:
    return SpectraBatch(batch.vectors[rows], batch.present[rows], batch.labels[rows], batch.rows[rows])


def make_model(
    modalities: int = 3,
    groups: int = 5,
    network: Mapping[str, Any] | None = None,
    objective: Mapping[str, Any] | None = None,
) -> SymSpectra:
    """Return a narrow SymSpectra, always with the same weights."""
    torch.manual_seed(0)
    settings = NetworkSettings.model_validate({**NETWORK, **(network or {})})
    losses = ObjectiveSettings.model_validate(objective or {})
    names = ["IR", "13C", "1H", "MSMSpos", "MSMSneg"][:modalities]
    order = list(reversed(range(groups)))
    return SymSpectra(names, order, torch.full((groups,), 0.4), settings, losses)


def write_tables(folder: Path, molecules: int = 120, seed: int = 0, **nulls: list[int]) -> Tables:
    """Write vectors, labels, a split (two thirds train, then val and test) and peaks; `nulls` are rows without one."""
    generator = np.random.default_rng(seed)
    labels = generator.random((molecules, len(NAMES))) < [0.5, 0.4, 0.3, 0.3]
    vectors = make_spectra(labels, len(MODALITIES), generator)
    ids = [f"toy:{number}" for number in range(molecules)]
    spectra = []
    for row, name in enumerate(ids):
        values = {modality: vectors[row, place].tolist() for place, modality in enumerate(MODALITIES)}
        absent = {modality: None for modality in MODALITIES if row in nulls.get(f"no_{modality}", [])}
        spectra.append({"molecule_id": name, **values, **absent})
    groups = dict(zip(ids, labels, strict=True))
    known = [{"molecule_id": name, **dict(zip(NAMES, row.tolist(), strict=True))} for name, row in groups.items()]
    parts = ["train" if row % 6 < 4 else "val" if row % 6 == 4 else "test" for row in range(molecules)]
    split = [{"molecule_id": name, "part": part} for name, part in zip(ids, parts, strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    return Tables(
        write_rows(folder / "vectors.parquet", vectors_schema(MODALITIES), spectra),
        write_rows(folder / "labels.parquet", labels_schema(NAMES), known),
        write_rows(folder / "split.parquet", SPLITS, split),
        write_rows(folder / "peaks.parquet", PEAKS, [_carbons(name, row) for name, row in groups.items()]),
    )


def _carbons(name: str, labels: np.ndarray) -> dict[str, Any]:
    shifts = [20.0, *(60.0 + 30 * np.flatnonzero(labels))]
    shared = {"molecule_id": name, "spectrum_id": f"{name}/13C/0", "technique": "13C", "origin": "simulated"}
    return {**shared, "position": shifts, "intensity": [1.0] * len(shifts)}
