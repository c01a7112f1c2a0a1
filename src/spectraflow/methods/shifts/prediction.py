"""Predicted shifts: what every shift model gives, and the only thing that assignment, isomers and retrieval need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.store.graphs import GraphStore
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import PREDICTED_SHIFTS, TableWriter, read_table, scan_table
from spectraflow.training.devices import job_device

CHUNK = 8192
CARBON_COLUMNS = ("carbon_atom", "carbon_ppm", "carbon_scale")
PROTON_COLUMNS = ("proton_atom", "proton_ppm", "proton_scale")


@dataclass(frozen=True)
class PredictedShifts:
    """G molecules: carbons and proton-bearing atoms as Ragged float32 of (atom, shift in ppm, Laplace scale in ppm)."""

    molecule_ids: list[str]
    carbons: Ragged
    protons: Ragged

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Build from (a slice of) a table of predicted shifts."""
        carbons = from_list_columns(table, CARBON_COLUMNS, np.float32)
        protons = from_list_columns(table, PROTON_COLUMNS, np.float32)
        return cls(table.column("molecule_id").to_pylist(), carbons, protons)

    @classmethod
    def read(cls, path: Path, molecule_ids: Sequence[str] | None = None) -> Self:
        """Read a table, all of it or the given molecules in the given order; InputError if one is missing."""
        table = read_table(path, PREDICTED_SHIFTS)
        if molecule_ids is None:
            return cls.from_table(table)
        row_of = {name: row for row, name in enumerate(table.column("molecule_id").to_pylist())}
        missing = [name for name in molecule_ids if name not in row_of]
        if missing:
            raise InputError(f"{path}: no predicted shifts for {missing[0]} and {len(missing) - 1} more molecules")
        return cls.from_table(table.take(pa.array([row_of[name] for name in molecule_ids], pa.int64())))

    @classmethod
    def scan(cls, path: Path, rows: int = CHUNK) -> Iterator[Self]:
        """Yield up to `rows` molecules at a time in file order, in bounded memory."""
        for batch in scan_table(path, PREDICTED_SHIFTS, batch_rows=rows):
            yield cls.from_table(pa.Table.from_batches([batch]))

    def __len__(self) -> int:
        return len(self.molecule_ids)

    def __getitem__(self, rows: np.ndarray) -> Self:
        """Return the molecules `rows` (int64) in that order."""
        picked = torch.from_numpy(np.asarray(rows))
        names = [self.molecule_ids[row] for row in picked.tolist()]
        return type(self)(names, *(_picked(part, picked) for part in (self.carbons, self.protons)))


def _picked(ragged: Ragged, rows: Tensor) -> Ragged:
    values, _, counts = ragged.take(rows)
    return Ragged(values, torch.cat([counts.new_zeros(1), counts.cumsum(0)]))


class ShiftModel(Protocol):
    """What a trained shift model can do."""

    def predict(self, graphs: GraphStore) -> PredictedShifts:
        """Return the shifts of all carbons and of the protons on all atoms that bear any."""


def targets_of(graphs: GraphStore) -> tuple[Ragged, Ragged]:
    """Return carbons and proton-bearing atoms of every molecule as Ragged (T,) int64 indices within the molecule."""
    atoms = graphs.atoms.values
    molecule = torch.repeat_interleave(torch.arange(len(graphs)), graphs.atoms.counts)
    place = torch.arange(len(atoms)) - graphs.atoms.offsets[molecule]
    chosen = []
    for mask in (atoms[:, 0] == 6, atoms[:, 3] > 0):
        counts = torch.bincount(molecule[mask], minlength=len(graphs))
        chosen.append(Ragged(place[mask], torch.cat([counts.new_zeros(1), counts.cumsum(0)])))
    return chosen[0], chosen[1]


def write_predictions(model: ShiftModel, graphs: Path, out: Path) -> None:
    """Write the predicted shifts of every graph of a table, one chunk in memory at a time."""
    with TableWriter(out, PREDICTED_SHIFTS) as writer:
        for store in GraphStore.scan(graphs, rows=CHUNK):
            writer.write(_as_table(model.predict(store)))


def _as_table(predicted: PredictedShifts) -> pa.Table:
    columns: dict[str, pa.Array] = {"molecule_id": pa.array(predicted.molecule_ids)}
    for names, part in ((CARBON_COLUMNS, predicted.carbons), (PROTON_COLUMNS, predicted.protons)):
        offsets, values = part.offsets.numpy().astype(np.int32), part.values.numpy()
        for number, name in enumerate(names):
            kind = np.int16 if number == 0 else np.float32
            columns[name] = pa.ListArray.from_arrays(offsets, values[:, number].astype(kind))
    return pa.Table.from_pydict(columns, schema=PREDICTED_SHIFTS)


def predict(run: Path, graphs: Path, out: Path) -> None:
    """Write the shifts that the trained model in the folder `run` predicts for a graphs table."""
    from spectraflow.methods.shifts.train import load_model

    write_predictions(load_model(run, job_device()), graphs, out)
