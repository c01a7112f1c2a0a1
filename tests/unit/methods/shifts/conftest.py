"""Graphs in memory and tables of shifts, for tests that start from hand-made numbers."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
import torch

from spectraflow.methods.shifts.prediction import PredictedShifts
from spectraflow.molecules.graphs import graph_columns
from spectraflow.store.graphs import GraphStore
from spectraflow.store.ragged import Ragged
from spectraflow.tables import GRAPHS, PREDICTED_SHIFTS, SHIFT_LABELS, TableWriter

Values = Sequence[tuple[int, float, float]]


@pytest.fixture(scope="session")
def graphs_of() -> Callable[..., GraphStore]:
    """Build a store of SMILES, with ids m0, m1, ..."""

    def build(*smiles: str) -> GraphStore:
        columns = {"molecule_id": pa.array([f"m{number}" for number in range(len(smiles))]), **graph_columns(smiles)}
        return GraphStore.from_table(pa.Table.from_pydict(columns, schema=GRAPHS))

    return build


@pytest.fixture(scope="session")
def renumbered() -> Callable[[GraphStore, Sequence[int]], GraphStore]:
    """Renumber the atoms of a store of one molecule: new atom i is old atom order[i]; bonds are turned and reversed."""

    def build(store: GraphStore, order: Sequence[int]) -> GraphStore:
        new_of = torch.tensor(np.argsort(order))
        bonds = store.bonds.values.clone()
        bonds[:, :2] = new_of[store.bonds.values[:, [1, 0]].long()].to(bonds.dtype)
        atoms = Ragged(store.atoms.values[torch.tensor(order)], store.atoms.offsets)
        return GraphStore(store.molecule_ids, atoms, Ragged(bonds.flip(0), store.bonds.offsets))

    return build


@pytest.fixture(scope="session")
def ragged() -> Callable[..., Ragged]:
    """Build predicted shifts of molecules given as lists of ppm, or of (ppm, scale)."""

    def build(*molecules: Sequence[float | tuple[float, float]]) -> Ragged:
        rows = [
            (index, *(one if isinstance(one, tuple) else (one, 1.0)))
            for shifts in molecules
            for index, one in enumerate(shifts)
        ]
        offsets = np.concatenate([[0], np.cumsum([len(one) for one in molecules], dtype=np.int64)])
        return Ragged(torch.tensor(rows, dtype=torch.float32).reshape(-1, 3), torch.from_numpy(offsets))

    return build


@pytest.fixture(scope="session")
def predicted_shifts() -> Callable[..., PredictedShifts]:
    """Build predictions of `id -> (atom, ppm, scale) of carbons`, and of protons."""

    def part(molecules: Sequence[Values]) -> Ragged:
        offsets = np.concatenate([[0], np.cumsum([len(one) for one in molecules], dtype=np.int64)])
        rows = [row for one in molecules for row in one]
        return Ragged(torch.tensor(rows, dtype=torch.float32).reshape(-1, 3), torch.from_numpy(offsets))

    def build(carbons: Mapping[str, Values], protons: Mapping[str, Values] | None = None) -> PredictedShifts:
        bearing = [(protons or {}).get(name, ()) for name in carbons]
        return PredictedShifts(list(carbons), part(list(carbons.values())), part(bearing))

    return build


@pytest.fixture
def predictions_table(tmp_path: Path) -> Callable[..., Path]:
    """Write a table of predicted shifts: `id -> carbons`, and protons, as rows of (atom, ppm, scale)."""

    def write(name: str, carbons: Mapping[str, Values], protons: Mapping[str, Values] | None = None) -> Path:
        rows = []
        for molecule, shifts in carbons.items():
            row: dict[str, object] = {"molecule_id": molecule}
            for nucleus, values in (("carbon", shifts), ("proton", (protons or {}).get(molecule, ()))):
                for place, column in enumerate(("atom", "ppm", "scale")):
                    row[f"{nucleus}_{column}"] = [value[place] for value in values]
            rows.append(row)
        with TableWriter(tmp_path / name, PREDICTED_SHIFTS) as writer:
            writer.write_rows(rows)
        return tmp_path / name

    return write


@pytest.fixture
def labels_table(tmp_path: Path) -> Callable[..., Path]:
    """Write shift labels: `id -> rows of (atom, nucleus, solvent, milli-ppm)`; first blocks: `blocks` or ids."""

    def write(
        labels: Mapping[str, Sequence[tuple[int, int, int, int]]], blocks: Mapping[str, str] | None = None
    ) -> Path:
        columns = ("atom", "nucleus", "solvent", "shift_mppm")
        with TableWriter(tmp_path / "labels.parquet", SHIFT_LABELS) as writer:
            writer.write_rows(
                [
                    {
                        "molecule_id": name,
                        "first_block": (blocks or {}).get(name, name),
                        **{column: [row[place] for row in rows] for place, column in enumerate(columns)},
                    }
                    for name, rows in labels.items()
                ]
            )
        return tmp_path / "labels.parquet"

    return write


@pytest.fixture(scope="session")
def small() -> ModuleType:
    """Isomers with their measured shifts, and a writer of their alignment table."""
    spec = importlib.util.spec_from_file_location("small_isomers", Path(__file__).with_name("small_isomers.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
