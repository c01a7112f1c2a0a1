"""Spectra matched with molecules by K-M3AID: the dot product of their embeddings for every pair."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spectraflow.methods.km3aid.library import EMBEDDING_BATCH, GraphEmbedder
from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.train import load_model
from spectraflow.spectra.binning import BINS, bin_shifts
from spectraflow.store.graphs import GraphStore
from spectraflow.store.pair_scores import UNKNOWN, HeldOutPairs, write_pair_scores
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import GRAPHS, MATCHING_SPECTRA, read_table
from spectraflow.training.devices import job_device


def score_pairs(run: Path, spectra: Path, graphs: Path, pairs: Path, out: Path) -> dict[str, int]:
    """Write the dot product of the owner's 13C spectrum with the candidate, for the pairs of val and test.

    The model sees no protons: their scores are null. A 13C score is null where the spectrum has no line or the
    candidate has no graph; the counts of these are returned. Raises InputError if an owner has no spectra.
    """
    asked = HeldOutPairs.read(pairs)
    table = read_table(spectra, MATCHING_SPECTRA, ["molecule_id", "carbon_ppm"])
    owners = asked.owner_rows(table["molecule_id"].to_pylist(), spectra)
    candidates = asked.candidate_rows(read_table(graphs, GRAPHS, ["molecule_id"])["molecule_id"].to_pylist())
    lines = from_list_columns(table, ["carbon_ppm"], np.float64)
    scored = np.flatnonzero((lines.counts.numpy()[owners] > 0) & (candidates != UNKNOWN))
    shown, spectrum = np.unique(owners[scored], return_inverse=True)
    names, molecule = np.unique(np.array(asked.candidate_ids)[scored], return_inverse=True)
    scores = np.full(len(asked), np.nan)
    if len(scored):
        model, _, encoder = load_model(run)
        model = model.to(job_device())
        embedded = _embed_spectra(model, encoder, lines, shown)
        store = GraphStore.read(graphs, names.tolist()).to(next(model.parameters()).device)
        scores[scored] = (embedded[spectrum] * GraphEmbedder(model)(store).cpu().numpy()[molecule]).sum(1)
    counts = write_pair_scores(out, asked, scores, np.full(len(asked), np.nan))
    return {**counts, "unknown_candidates": int((candidates == UNKNOWN).sum())}


@torch.no_grad()
def _embed_spectra(
    model: Km3aid, encoder: nn.Module | None, lines: Ragged, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the embeddings (B, p) of the spectra `rows` among line lists in ppm."""
    device = next(model.parameters()).device
    encode = model.embed_spectra if encoder is None else nn.Sequential(encoder, model.project_spectrum).to(device)
    chunks = torch.from_numpy(rows).split(EMBEDDING_BATCH)
    embedded: NDArray[np.float32] = torch.cat(
        [encode(_binary(lines, chunk).to(device)).float().cpu() for chunk in chunks]
    ).numpy()
    return embedded


def _binary(lines: Ragged, rows: Tensor) -> Tensor:
    """Return binary spectra (B, 4000) float32 of the spectra `rows`."""
    ppm, segment, _ = lines.take(rows)
    spectra = torch.zeros(len(rows), BINS)
    spectra[segment, torch.from_numpy(bin_shifts(ppm[:, 0].numpy() * 1000))] = 1
    return spectra
