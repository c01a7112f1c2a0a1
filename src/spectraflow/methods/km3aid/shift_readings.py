"""What a shift head adds to the evaluation (not in the papers): errors, and other readings of the assignment."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from spectraflow.evaluation.molecule_assignment import Assigned, evaluate_assignments
from spectraflow.evaluation.peak_scores import peak_scores
from spectraflow.evaluation.shift_errors import shift_error_metrics
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.nn.shift_head import CARBON, Prediction, in_ppm


def likelihoods(store: AlignmentStore, rows: Tensor, shifts: Prediction) -> list[np.ndarray]:
    """Return each molecule's log-likelihoods (n peaks, n carbons) of its peaks at its carbons.

    Args:
        store: the assigned molecules.
        rows: (B,) int64 molecules.
        shifts: the head's predictions on the CPU for all carbons of `rows`, in order.
    """
    rows = rows.to(store.carbons.offsets.device)
    carbons, molecule, counts = store.carbons.take(rows)
    atoms = store.graphs.atoms
    hydrogens = atoms.values[atoms.offsets[rows][molecule] + carbons[:, 0], 3].cpu().numpy()
    ppm, scale = (part.numpy() for part in in_ppm(shifts, CARBON))
    peaks = carbons.cpu().numpy()
    spans = np.split(np.arange(len(peaks)), np.cumsum(counts.cpu().numpy())[:-1])
    return [peak_scores(peaks[s, 1] / 1000, peaks[s, 2], ppm[s], scale[s], hydrogens[s]) for s in spans]


def error_metrics(store: AlignmentStore, rows: Tensor, shifts: Prediction, seed: int = 0) -> dict[str, Interval]:
    """Return the errors of the shifts predicted for all carbons of the molecules `rows`, and how many are covered."""
    carbons, molecule, _ = store.carbons.take(rows.to(store.carbons.offsets.device))
    ppm, scale = in_ppm(shifts, CARBON)
    error = (ppm - carbons[:, 1].cpu() / 1000).abs()
    return shift_error_metrics(error.numpy(), scale.numpy(), molecule.cpu().numpy(), len(rows), "13C", seed)


def assignment_readings(
    aligned: Sequence[Assigned], likelihood: Sequence[np.ndarray], seed: int = 0
) -> dict[str, Interval]:
    """Return assignment metrics by the head's likelihood alone and by its sum with the alignment's scores.

    Names are those of the alignment's own metrics, but for `atom_head/`, `exact_head/` and `atom_joint/`,
    `exact_joint/`. The likelihood knows which carbons a multiplicity fits; the alignment has to learn it.

    Args:
        aligned: the molecules with the scores of the alignment, logits of a softmax over peaks or carbons.
        likelihood: what `likelihoods` gives for the same molecules.
    """
    pairs = list(zip(aligned, likelihood, strict=True))
    readings = {
        "head": [replace(molecule, scores=scores) for molecule, scores in pairs],
        "joint": [replace(molecule, scores=molecule.scores + scores) for molecule, scores in pairs],
    }
    metrics: dict[str, Interval] = {}
    for reading, molecules in readings.items():
        found, _ = evaluate_assignments(molecules, seed)
        for name, interval in found.items():
            family, _, rest = name.partition("/")
            if not rest.startswith("chance"):
                metrics[f"{family}_{reading}/{rest}"] = interval
    return metrics


def joined(parts: Sequence[Prediction]) -> Prediction:
    """Return predictions of several batches as one."""
    return Prediction(*(torch.cat(column) for column in zip(*parts, strict=True)))
