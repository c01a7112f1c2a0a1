"""K-M3AID's validation metrics with intervals (reference sections 6.1 and 6.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spectraflow.evaluation.assignment import (
    argmax_assignment,
    assignment_correct,
    carbon_bin,
    chance_multiplicity,
    chance_uniform,
    hungarian_assignment,
    hungarian_capacity_assignment,
    published_assignment,
    shuffled,
)
from spectraflow.evaluation.retrieval import in_batch_hits
from spectraflow.evaluation.uncertainty import Interval, bootstrap_interval
from spectraflow.methods.km3aid.data import AlignmentStore, batches
from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.objective import Projected, on_cpu

IN_BATCH = 128
SHUFFLES = 10


@dataclass(frozen=True)
class Assigned:
    """One molecule with its scores (n peaks, n carbons), carbons shuffled and put back."""

    molecule_id: str
    scores: np.ndarray
    carbon_atom: np.ndarray
    mppm: np.ndarray
    multiplicity: np.ndarray


@torch.no_grad()
def project(model: Km3aid, store: AlignmentStore, rows: Tensor, size: int = 256) -> Iterator[tuple[Tensor, Projected]]:
    """Yield (rows, embeddings on the CPU in float32) of all `rows`, in order; the model must be in eval mode."""
    for chunk in rows.split(size):
        projected = model(store.batch(chunk.to(store.carbons.offsets.device)))
        yield chunk, on_cpu(projected)


def in_batch_metrics(spectra: Tensor, graphs: Tensor, seed: int = 0) -> dict[str, Interval]:
    """Return rank-1 accuracy among 128 both ways, averaged over 10 seeded shuffles of full batches.

    Args:
        spectra: (G, p) projected spectra; graphs: (G, p) projected graphs, row i to row i.

    The interval is the bootstrap over molecules, each with its mean over the shuffles it took part in.
    """
    count, size = len(spectra), min(IN_BATCH, len(spectra))
    hits, taken = np.zeros((2, count)), np.zeros(count)
    for shuffle in range(SHUFFLES):
        generator = torch.Generator().manual_seed(seed + shuffle)
        for rows in batches(torch.arange(count), size, generator):
            hits[:, rows.numpy()] += in_batch_hits((spectra[rows] @ graphs[rows].T).numpy())
            taken[rows.numpy()] += 1
    means = hits[:, taken > 0] / taken[taken > 0]
    chance = 1 / size
    return {
        "in_batch/spectrum_to_molecule": bootstrap_interval(means[0], seed=seed),
        "in_batch/molecule_to_spectrum": bootstrap_interval(means[1], seed=seed),
        "in_batch/chance": Interval(chance, chance, chance, count),
    }


def molecules_of(store: AlignmentStore, rows: Tensor, projected: Projected) -> Iterator[Assigned]:
    """Yield each molecule of a projected chunk with its own block of peak-carbon scores."""
    carbons, _, counts = store.carbons.take(rows.to(store.carbons.offsets.device))
    values = carbons.cpu().numpy()
    start = 0
    for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
        span = slice(start, start + count)
        scores = (projected.peaks[span] @ projected.carbons[span].T).numpy()
        yield Assigned(store.molecule_ids[row], scores, values[span, 0], values[span, 1], values[span, 2])
        start += count


def assign(molecule: Assigned, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the carbon index [n] of each peak by the published metric, plain argmax and one-to-one.

    Carbons are shuffled against peaks before scoring, so that ties are not decided by atom order.
    """
    scores, undo = shuffled(molecule.scores, generator)
    methods = {
        "published": published_assignment,
        "argmax": argmax_assignment,
        "hungarian": hungarian_assignment,
    }
    return {name: undo[method(scores)] for name, method in methods.items()}


def distinct_correct(molecule: Assigned, generator: np.random.Generator) -> np.ndarray:
    """Return, per carbon, whether the distinct peak (shift and multiplicity) it is given has its shift.

    Peaks take as many carbons as they stand for; the number is known here, not from an unassigned spectrum.
    """
    pairs = np.stack([molecule.mppm, molecule.multiplicity])
    distinct, first, capacities = np.unique(pairs, axis=1, return_index=True, return_counts=True)
    scores, undo = shuffled(molecule.scores[first], generator)
    peaks = hungarian_capacity_assignment(scores, capacities)
    return assignment_correct(peaks, distinct[0], molecule.mppm[undo])


def molecule_figures(
    molecule: Assigned, assigned: Mapping[str, np.ndarray], generator: np.random.Generator
) -> dict[str, float]:
    """Return the molecule's figures, each to be averaged over molecules."""
    figures: dict[str, float] = {}
    for name, carbons in assigned.items():
        correct = assignment_correct(carbons, molecule.mppm)
        figures[f"atom/{name}"] = float(correct.mean())
        figures[f"exact/{name}"] = float(correct.all())
    transposed = published_assignment(molecule.scores.T)
    figures["atom/published_transposed"] = float(assignment_correct(transposed, molecule.mppm).mean())
    figures["atom/hungarian_distinct"] = float(distinct_correct(molecule, generator).mean())
    error = np.abs(molecule.mppm - molecule.mppm[assigned["published"]]) / 1000
    figures["atom/ppm_error"] = float(error.mean())
    figures["atom/chance_uniform"] = chance_uniform(molecule.mppm)
    figures["atom/chance_multiplicity"] = chance_multiplicity(molecule.mppm, molecule.multiplicity)
    figures["carbons"] = len(molecule.mppm)
    return figures


def atom_metrics(figures: list[dict[str, float]], seed: int = 0) -> dict[str, Interval]:
    """Average the molecules' figures, whole and by carbon-count bin; intervals by bootstrap over molecules."""
    carbons = np.array([figure["carbons"] for figure in figures], dtype=int)
    metrics = {}
    for name in figures[0]:
        values = np.array([figure[name] for figure in figures])
        if name.startswith("atom/"):
            metrics[name] = bootstrap_interval(values, seed=seed)
        elif name.startswith("exact/"):
            for style, infix in (("counted", ""), ("worded", "worded/")):
                bins = np.array([carbon_bin(int(n), style) for n in carbons])  # type: ignore[arg-type]
                for label in np.unique(bins):
                    metrics[f"{name}/{infix}{label}"] = bootstrap_interval(values[bins == label], seed=seed)
    several = np.array([figure["atom/published"] for figure in figures])[carbons > 1]
    metrics["atom/published_several_carbons"] = bootstrap_interval(several, seed=seed)
    return metrics


def assignment_rows(molecule: Assigned, assigned: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the assignments table of one molecule."""
    ppm = molecule.mppm / 1000
    for peak in range(len(ppm)):
        row: dict[str, Any] = {
            "molecule_id": molecule.molecule_id,
            "carbon_atom": int(molecule.carbon_atom[peak]),
            "shift_ppm": float(ppm[peak]),
            "multiplicity": int(molecule.multiplicity[peak]),
        }
        for name, carbons in assigned.items():
            row[f"{name}_atom"] = int(molecule.carbon_atom[carbons[peak]])
            row[f"{name}_ppm"] = float(ppm[carbons[peak]])
        yield row


def evaluate(
    model: Km3aid, store: AlignmentStore, rows: Tensor, seed: int = 0
) -> tuple[dict[str, Interval], list[dict[str, Any]]]:
    """Return all metrics of the molecules `rows`, and the rows of their assignments table."""
    model.eval()
    generator = np.random.default_rng(seed)
    spectra, graphs = [], []
    figures: list[dict[str, float]] = []
    table: list[dict[str, Any]] = []
    for chunk, projected in project(model, store, rows):
        spectra.append(projected.spectra)
        graphs.append(projected.graphs)
        for molecule in molecules_of(store, chunk, projected):
            assigned = assign(molecule, generator)
            figures.append(molecule_figures(molecule, assigned, generator))
            table.extend(assignment_rows(molecule, assigned))
    metrics = in_batch_metrics(torch.cat(spectra), torch.cat(graphs), seed)
    return {**metrics, **atom_metrics(figures, seed)}, table


def curve_atom_accuracy(store: AlignmentStore, rows: Tensor, projected: Projected) -> list[float]:
    """Return the published atom accuracy of each molecule of a chunk, for the curve of an epoch."""
    return [
        float(assignment_correct(published_assignment(molecule.scores), molecule.mppm).mean())
        for molecule in molecules_of(store, rows, projected)
    ]
