"""A pre-training table of small molecules whose shifts follow from their structure, and its graphs."""

from pathlib import Path
from typing import NamedTuple

from rdkit import Chem

from spectraflow.methods.mmfrl.molecular_graphs import write_graphs
from spectraflow.methods.mmfrl.settings import PretrainingRun
from spectraflow.settings import merge
from spectraflow.tables import PRETRAINING, TableWriter
from tests.unit.conftest import CHAINS, toy_shift

RINGS = [f"{group}c1c{other}ccc1" for group in ("C", "N", "O", "Cl", "CC", "CO") for other in ("c(F)", "c(C)", "n")]
SMILES = list(dict.fromkeys(Chem.CanonSmiles(text) for text in [*CHAINS, *RINGS]))[:80]
SMALL = {
    "held_out": 0.2,
    "encoder": {"hidden": 24},
    "targets": {
        "smiles": {"layers": 1, "heads": 2, "dim": 16, "training": {"epochs": 4, "batch_size": 16}},
        "image": {"size": 32, "channels": [8, 16], "dim": 8, "training": {"epochs": 3, "batch_size": 16}},
        "nmr": {"dim": 8, "bins": 1000, "lowest": 0.0, "training": {"epochs": 4, "batch_size": 16}},
    },
    "training": {"epochs": 4, "batch_size": 16, "learning_rate": 3e-3, "early_stopping": None},
}


class Files(NamedTuple):
    pretraining: Path
    graphs: Path


def small_run(**differences) -> PretrainingRun:
    return PretrainingRun(**merge(SMALL, differences))


def pretraining_row(smiles: str, number: int) -> dict:
    mol = Chem.MolFromSmiles(smiles)
    carbons = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 6]
    return {
        "molecule_id": f"toy:{number}",
        "smiles": smiles,
        "first_block": f"BLOCK{number:09d}",
        "carbon_atom": [atom.GetIdx() for atom in carbons],
        "shift_ppm": [toy_shift(mol, atom) / 1000 for atom in carbons],
    }


def write_pretraining(folder: Path, smiles: list[str] = SMILES) -> Files:
    folder.mkdir(parents=True, exist_ok=True)
    files = Files(folder / "pretraining.parquet", folder / "graphs.safetensors")
    with TableWriter(files.pretraining, PRETRAINING) as writer:
        writer.write_rows([pretraining_row(text, number) for number, text in enumerate(smiles)])
    write_graphs(files.pretraining, files.graphs)
    return files
