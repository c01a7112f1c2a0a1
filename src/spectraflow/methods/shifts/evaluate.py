"""What a trained shift model reaches on held-out molecules: errors, assignment, in-batch matching."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spectraflow.evaluation.in_batch import in_batch_metrics
from spectraflow.evaluation.molecule_assignment import evaluate_assignments
from spectraflow.evaluation.shift_errors import shift_error_metrics
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.methods.shifts.matching import assigned_molecules
from spectraflow.methods.shifts.prediction import PredictedShifts
from spectraflow.methods.shifts.scoring import CARBON_AXIS, Molecules, SetLikelihood, Spectra, sorted_scores
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import ASSIGNMENTS, SHIFT_LABELS, TableWriter, read_table
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import load_checkpoint

NUCLEI = ("13C", "1H")


def shift_metrics(predicted: PredictedShifts, labels: Path, names: set[str], seed: int = 0) -> dict[str, Interval]:
    """Return mean absolute errors in ppm, and how often the errors lie within the predicted 50 and 90 % intervals.

    Over all measured labels of the molecules `names`; intervals by resampled molecules.
    """
    table = read_table(labels, SHIFT_LABELS)
    ids = table.column("molecule_id").to_pylist()
    values = from_list_columns(table, ("atom", "nucleus", "shift_mppm"), np.int32)
    rows = torch.tensor([row for row, name in enumerate(ids) if name in names], dtype=torch.int64)
    place = {name: row for row, name in enumerate(predicted.molecule_ids)}
    known = torch.tensor([place[ids[row]] for row in rows.tolist()], dtype=torch.int64)
    found, molecule, _ = values.take(rows)
    metrics: dict[str, Interval] = {}
    for nucleus, part in enumerate((predicted.carbons, predicted.protons)):
        own = found[:, 1] == nucleus
        if not own.any():
            continue
        ppm, scale = _at(part, known[molecule[own]], found[own, 0])
        error = (ppm - found[own, 2] / 1000).abs()
        metrics |= shift_error_metrics(
            error.numpy(), scale.numpy(), molecule[own].numpy(), len(rows), NUCLEI[nucleus], seed
        )
    return metrics


def _at(part: Ragged, rows: Tensor, atoms: Tensor) -> tuple[Tensor, Tensor]:
    """Return shift and scale (M,) of `atoms` (M,) of the molecules `rows` (M,)."""
    molecule = torch.repeat_interleave(torch.arange(len(part)), part.counts)
    width = int(max(part.values[:, 0].max(), atoms.max())) + 1
    keys = molecule * width + part.values[:, 0].long()
    place = torch.searchsorted(keys, rows * width + atoms.long())
    return part.values[place, 1], part.values[place, 2]


def evaluate_part(
    alignment: Alignment, predicted: PredictedShifts, rows: Tensor, seed: int = 0
) -> tuple[dict[str, Interval], list[dict[str, Any]]]:
    """Return metrics and assignment rows of the molecules `rows`; `predicted` is in table order."""
    metrics, table = evaluate_assignments(assigned_molecules(alignment, predicted, rows), seed)
    spectra = [alignment.spectrum(row) for row in rows.tolist()]
    carbons = predicted[rows.numpy()].carbons
    scores = SetLikelihood()(Spectra(spectra, CARBON_AXIS), Molecules(carbons, CARBON_AXIS)).numpy()
    metrics |= in_batch_metrics(lambda batch: scores[np.ix_(batch, batch)], len(rows), seed)
    ordered = sorted_scores(spectra, carbons, scaled=True)
    counted = in_batch_metrics(lambda batch: ordered[np.ix_(batch, batch)], len(rows), seed)
    metrics |= {name.replace("in_batch/", "in_batch_sorted/"): value for name, value in counted.items()}
    return metrics, table


def evaluate(
    run: Path,
    predictions: Path,
    labels: Path,
    alignment: Path,
    graphs: Path,
    split: Path,
    metrics: Path,
    assignments: Path,
    *,
    external: Path | None = None,
) -> None:
    """Write metrics of val, test and, if given, external molecules, and the assignments table of test."""
    asked = Alignment.read(alignment, graphs)
    predicted = PredictedShifts.read(predictions)
    own = _in_order(predicted, asked.molecule_ids)
    parts: dict[str, Mapping[str, Interval]] = {}
    for part in ("val", "test"):
        rows = asked.rows_of(split, part)
        if len(rows):
            names = {asked.molecule_ids[row] for row in rows.tolist()}
            found, table = evaluate_part(asked, own, rows)
            parts[part] = {**found, **shift_metrics(predicted, labels, names)}
    if external is not None:
        outside = Alignment.read(external, graphs)
        everyone = torch.arange(len(outside))
        scores, _ = evaluate_assignments(
            assigned_molecules(outside, _in_order(predicted, outside.molecule_ids), everyone)
        )
        parts["external"] = {**scores, **shift_metrics(predicted, labels, set(outside.molecule_ids))}
    with TableWriter(assignments, ASSIGNMENTS) as writer:
        writer.write_rows(table)
    state = load_checkpoint(run / run_folder.WEIGHTS)[1]
    run_folder.write_metrics(
        metrics.parent,
        {
            "best_epoch": state["best_epoch"],
            "epochs": state["epochs"],
            "selection": "val",
            "parts": {part: {name: one.as_dict() for name, one in found.items()} for part, found in parts.items()},
        },
    )


def _in_order(predicted: PredictedShifts, names: list[str]) -> PredictedShifts:
    place = {name: row for row, name in enumerate(predicted.molecule_ids)}
    return predicted[np.array([place[name] for name in names])]
