"""Small tasks of real molecules whose targets can be read off the structure, and settings that learn them fast."""

import json

import numpy as np
import pyarrow as pa
from rdkit import Chem

from spectraflow.methods.mmfrl.molecular_graphs import write_graphs
from spectraflow.methods.mmfrl.property_store import TaskTables
from spectraflow.methods.mmfrl.settings import PropertyRun
from spectraflow.settings import merge
from spectraflow.tables import PROPERTIES, SPLITS, write_table

_CORES = ("c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCOC1", "CCCC", "CC(C)C")
_CHAINS = ("C", "CC", "CCC", "CCCC", "CCCCC")
_ENDS = ("", "O", "N", "Cl", "C#N", "C(=O)O", "OC", "F")
SMILES = [
    Chem.CanonSmiles(text)
    for text in ["C", "[Na+].[Cl-]", *(core + chain + end for core in _CORES for chain in _CHAINS for end in _ENDS)]
]
NAMES = ["oxygen", "aromatic", "chlorine"]
SMALL = {
    "encoder": {"hidden": 24},
    "head": 24,
    "training": {"epochs": 6, "batch_size": 64, "learning_rate": 5e-3, "weight_decay": 0.0, "early_stopping": None},
    "baseline": {"bits": 256, "trees": 10, "rounds": 20},
}


def make_settings(**values):
    return PropertyRun.model_validate(merge(SMALL, values))


def class_targets(missing=0.2, seed=0):
    """Whether a molecule has oxygen, aromatic atoms, chlorine (N, 3), with `missing` labels left out."""
    found = np.array([["O" in s or "o" in s, "c" in s, "Cl" in s] for s in SMILES], dtype=float)
    found[np.random.default_rng(seed).random(found.shape) < missing] = np.nan
    return found


def number_targets():
    """Heavy atoms and twice the oxygens, in units far from standard (N, 1)."""
    atoms = np.array([Chem.MolFromSmiles(s).GetNumAtoms() for s in SMILES])
    return (100 + 10 * atoms + 20 * np.array([s.count("O") for s in SMILES]))[:, None].astype(float)


def write_task(folder, targets, names, kind, parts=None):
    """Write the tables of a task; without `parts` every tenth molecule is val and the one after it test."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = TaskTables(*(folder / name for name in ("task.parquet", "counts.json", "split.parquet", "graphs.st")))
    ids = [f"moleculenet_esol:{row}" for row in range(len(SMILES))]
    rows = [[None if np.isnan(x) else x for x in values] for values in targets]
    columns = {"molecule_id": ids, "row": range(len(ids)), "smiles": SMILES, "inchikey": [None] * len(ids)}
    columns |= {"scaffold": [""] * len(ids), "targets": rows}
    write_table(tables.properties, PROPERTIES, pa.Table.from_pydict(columns, schema=PROPERTIES))
    tables.counts.write_text(json.dumps({"kind": kind, "targets": names}))
    parts = parts or [{0: "val", 1: "test"}.get(row % 5, "train") for row in range(len(ids))]
    write_table(tables.split, SPLITS, {"molecule_id": ids, "part": parts})
    write_graphs(tables.properties, tables.graphs)
    return tables
