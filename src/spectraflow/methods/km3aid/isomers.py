"""Isomer recognition with a trained K-M3AID model (reference section 6.4)."""

from pathlib import Path

import numpy as np
import torch

from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.retrieve import read_queries
from spectraflow.methods.km3aid.train import load_model
from spectraflow.retrieval.isomers import rank_isomers
from spectraflow.retrieval.settings import IsomerSettings
from spectraflow.training.devices import job_device


def recognise_isomers(
    settings: IsomerSettings,
    run: Path,
    alignment: Path,
    graphs: Path,
    molecules: Path,
    split: Path,
    published: Path,
    scores: Path,
    metrics: Path,
) -> None:
    """Score the test part's spectra against all isomers by the dot product of embeddings; write scores and metrics."""
    model, _, encoder = load_model(run)
    device = job_device()
    store = AlignmentStore.read(alignment, graphs)
    embedded = read_queries(model.to(device), encoder, store, torch.arange(len(store)), device)

    def score(queries: np.ndarray, members: np.ndarray) -> np.ndarray:
        return embedded.spectra[queries] @ embedded.graphs[members].T

    rank_isomers(settings, score, alignment, molecules, split, published, scores, metrics)
