"""Assignment figures of molecules from the peak-carbon scores of any method (K-M3AID reference section 6.2)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from spectraflow.evaluation.uncertainty import Interval, bootstrap_interval


@dataclass(frozen=True)
class Assigned:
    """One molecule with its scores (n peaks, n carbons): peak i belongs to carbon i; all others (n,)."""

    molecule_id: str
    scores: np.ndarray
    carbon_atom: np.ndarray
    mppm: np.ndarray
    multiplicity: np.ndarray


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


def evaluate_assignments(
    molecules: Iterable[Assigned], seed: int = 0
) -> tuple[dict[str, Interval], list[dict[str, Any]]]:
    """Return all assignment metrics of the molecules, and the rows of their assignments table."""
    generator = np.random.default_rng(seed)
    figures: list[dict[str, float]] = []
    table: list[dict[str, Any]] = []
    for molecule in molecules:
        assigned = assign(molecule, generator)
        figures.append(molecule_figures(molecule, assigned, generator))
        table.extend(assignment_rows(molecule, assigned))
    return atom_metrics(figures, seed), table
