"""Pairs of spectra and molecules as rows of a store: those to train on, and those to be tested on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.tables import PAIRS, read_table

TRUE = "true"
NEGATIVES = ("near", "uniform", "diff", "sim", "isomer", "listed_rand", "listed_diff", "listed_sim")
BALANCED = ("near", "uniform", "diff")
"""Sets in which every molecule is once right, once wrong, and its spectra once shown with a wrong molecule."""


@dataclass(frozen=True)
class Pairs:
    """P pairs of one part: ids and sets (P,) of text; owners and candidates (P,) int64 rows of a store; labels bool."""

    part: str
    ids: np.ndarray
    sets: np.ndarray
    owners: np.ndarray
    candidates: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> "Pairs":
        """Return the pairs `rows` (int64 or bool)."""
        return Pairs(
            self.part, self.ids[rows], self.sets[rows], self.owners[rows], self.candidates[rows], self.labels[rows]
        )

    @property
    def names(self) -> list[str]:
        """Return the sets of negatives that there are, in their usual order."""
        held = set(self.sets.tolist())
        return [name for name in NEGATIVES if name in held]

    def places_of(self, name: str) -> np.ndarray:
        """Return the places (int64) of a test set: its negatives, and the true pairs of their owners."""
        negative = self.sets == name
        owners = np.unique(self.owners[negative])
        return np.flatnonzero(negative | ((self.sets == TRUE) & np.isin(self.owners, owners)))


def read_pairs(path: Path, store: MatchStore, part: str) -> Pairs:
    """Return the pairs of a part; raises InputError if there are none or if one names an unknown molecule."""
    table = read_table(path, PAIRS, ["pair_id", "part", "test_set", "owner_id", "candidate_id", "label"])
    table = table.filter(pc.equal(table["part"], part))
    if not table.num_rows:
        raise InputError(f"{path}: no pairs of the part {part}")
    return _pairs(table, store, part, path)


def _pairs(table: pa.Table, store: MatchStore, part: str, path: Path) -> Pairs:
    owners, candidates = (store.rows_of(table[name].to_pylist(), path) for name in ("owner_id", "candidate_id"))
    return Pairs(
        part,
        np.array(table["pair_id"].to_pylist(), dtype=object),
        np.array(table["test_set"].to_pylist(), dtype=object),
        owners,
        candidates,
        table["label"].to_numpy(),
    )
