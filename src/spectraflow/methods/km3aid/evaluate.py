"""K-M3AID's validation metrics with intervals (reference sections 6.1 and 6.2)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spectraflow.evaluation.assignment import assignment_correct, published_assignment
from spectraflow.evaluation.in_batch import in_batch_metrics
from spectraflow.evaluation.molecule_assignment import Assigned, evaluate_assignments
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.objective import Projected, on_cpu
from spectraflow.methods.km3aid.shift_readings import assignment_readings, error_metrics, joined, likelihoods
from spectraflow.nn.shift_head import Prediction


@torch.no_grad()
def project(model: Km3aid, store: AlignmentStore, rows: Tensor, size: int = 256) -> Iterator[tuple[Tensor, Projected]]:
    """Yield (rows, embeddings on the CPU in float32) of all `rows`, in order; the model must be in eval mode."""
    for chunk in rows.split(size):
        projected = model(store.batch(chunk.to(store.carbons.offsets.device)))
        yield chunk, on_cpu(projected)


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


def evaluate(
    model: Km3aid, store: AlignmentStore, rows: Tensor, seed: int = 0
) -> tuple[dict[str, Interval], list[dict[str, Any]]]:
    """Return all metrics of the molecules `rows`, and the rows of their assignments table.

    A shift head adds its errors, and the assignment by its likelihood, alone and with the alignment's scores; the table
    holds the alignment's assignment either way.
    """
    model.eval()
    spectra: list[np.ndarray] = []
    graphs: list[np.ndarray] = []
    aligned: list[Assigned] = []
    shifts: list[Prediction] = []
    for chunk, projected in project(model, store, rows):
        spectra.append(projected.spectra.numpy())
        graphs.append(projected.graphs.numpy())
        aligned += molecules_of(store, chunk, projected)
        if projected.shifts is not None:
            shifts.append(projected.shifts)
    metrics, table = evaluate_assignments(aligned, seed)
    queries, candidates = np.concatenate(spectra), np.concatenate(graphs)
    in_batch = in_batch_metrics(lambda batch: queries[batch] @ candidates[batch].T, len(rows), seed)
    metrics = {**in_batch, **metrics}
    if shifts:
        predicted = joined(shifts)
        metrics |= error_metrics(store, rows, predicted, seed)
        metrics |= assignment_readings(aligned, likelihoods(store, rows, predicted), seed)
    return metrics, table


def curve_atom_accuracy(store: AlignmentStore, rows: Tensor, projected: Projected) -> list[float]:
    """Return the published atom accuracy of each molecule of a chunk, for the curve of an epoch."""
    return [
        float(assignment_correct(published_assignment(molecule.scores), molecule.mppm).mean())
        for molecule in molecules_of(store, rows, projected)
    ]
