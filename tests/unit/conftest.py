"""Small canonical tables made from SMILES, for tests that start from tables."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from spectraflow.molecules.graphs import build_graphs
from spectraflow.molecules.standardise import molecule_row
from spectraflow.tables import ALIGNMENT, MOLECULES, SPLITS, TableWriter


def write_rows(path: Path, schema, rows: list[dict]) -> Path:
    with TableWriter(path, schema) as writer:
        writer.write_rows(rows)
    return path


@pytest.fixture
def molecules_table(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write a molecules table of `id -> SMILES`."""

    def write(smiles: Mapping[str, str]) -> Path:
        rows = [molecule_row(Chem.MolFromSmiles(text), name) for name, text in smiles.items()]
        for row, text in zip(rows, smiles.values(), strict=True):
            row["smiles"] = text  # keep the atom order the test wrote
        return write_rows(tmp_path / "molecules.parquet", MOLECULES, rows)

    return write


@pytest.fixture
def graphs_table(tmp_path: Path, molecules_table) -> Callable[[Mapping[str, str]], Path]:
    """Write a graphs table of `id -> SMILES`."""

    def write(smiles: Mapping[str, str]) -> Path:
        path = tmp_path / "graphs.parquet"
        build_graphs(molecules_table(smiles), path, tmp_path / "graph_rejects.parquet")
        return path

    return write


CHAINS = [
    f"{left}{middle}{right}"
    for left in ("C", "CC", "CCC", "N", "O")
    for middle in ("CC", "CO", "CN", "CC(C)", "CC(=O)", "C(C)(C)")
    for right in ("C", "CC", "CF", "CCl", "C#N")
]


def toy_shift(mol: Chem.Mol, atom: Chem.Atom) -> int:
    """A shift in milli-ppm that a network can learn: from the atom's and its neighbours' elements and degrees."""
    near = sum(n.GetAtomicNum() * 2100 + n.GetDegree() * 930 for n in atom.GetNeighbors())
    return 5000 + near + 5700 * atom.GetDegree()


@pytest.fixture
def alignment_files(tmp_path: Path, graphs_table) -> dict[str, Path]:
    """64 chains with learnable shifts: molecules, graphs, alignment and a split (44 train, 10 val, 10 test)."""
    unique = dict.fromkeys(Chem.CanonSmiles(text) for text in CHAINS)
    smiles = {f"toy:{number}": text for number, text in enumerate(list(unique)[:64])}
    rows = []
    for name, text in smiles.items():
        mol = Chem.MolFromSmiles(text)
        carbons = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 6]
        rows.append(
            {
                "molecule_id": name,
                "spectrum_id": f"{name}/13C/0",
                "first_block": name,
                "carbon_atom": [atom.GetIdx() for atom in carbons],
                "shift_mppm": [toy_shift(mol, atom) for atom in carbons],
                "multiplicity": [atom.GetTotalNumHs() for atom in carbons],
            }
        )
    for row in rows:
        row["multiplicity"] = [min(3, value) for value in row["multiplicity"]]
    order = np.random.default_rng(0).permutation(len(rows))
    parts = np.array(["train"] * 44 + ["val"] * 10 + ["test"] * 10)[np.argsort(order)]
    split = [{"molecule_id": row["molecule_id"], "part": part} for row, part in zip(rows, parts.tolist(), strict=True)]
    return {
        "graphs": graphs_table(smiles),
        "molecules": tmp_path / "molecules.parquet",
        "alignment": write_rows(tmp_path / "alignment.parquet", ALIGNMENT, rows),
        "split": write_rows(tmp_path / "split.parquet", SPLITS, split),
    }
