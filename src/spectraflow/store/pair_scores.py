"""Pairs of spectra and molecules that a model scores though it was trained for another task, and their scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.tables import PAIR_SCORES, PAIRS, read_table, write_table

SCORED_PARTS = ("val", "test")
UNKNOWN = -1


@dataclass(frozen=True)
class HeldOutPairs:
    """P pairs of the parts val and test, in the order of their table."""

    pair_ids: list[str]
    owner_ids: list[str]
    candidate_ids: list[str]

    @classmethod
    def read(cls, pairs: Path) -> Self:
        """Read a pairs table; raises InputError if it has no pair of these parts."""
        table = read_table(pairs, PAIRS, ["pair_id", "part", "owner_id", "candidate_id"])
        table = table.filter(pc.is_in(table["part"], pa.array(SCORED_PARTS)))
        if not table.num_rows:
            raise InputError(f"{pairs}: no pair of the parts {' and '.join(SCORED_PARTS)}")
        return cls(*(table[name].to_pylist() for name in ("pair_id", "owner_id", "candidate_id")))

    def __len__(self) -> int:
        return len(self.pair_ids)

    def owner_rows(self, molecule_ids: Sequence[str], where: Path) -> NDArray[np.int64]:
        """Return the rows (P,) of the owners among molecules; raises InputError if one is missing."""
        return known_rows(self.owner_ids, molecule_ids, where)

    def candidate_rows(self, molecule_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows (P,) of the candidates among molecules, UNKNOWN where they are not among them."""
        return _rows(self.candidate_ids, molecule_ids)


def known_rows(names: Sequence[str], molecule_ids: Sequence[str], where: Path) -> NDArray[np.int64]:
    """Return the rows of `names` among molecules; raises InputError if one is missing."""
    rows = _rows(names, molecule_ids)
    missing = [name for name, row in zip(names, rows.tolist(), strict=True) if row == UNKNOWN]
    if missing:
        raise InputError(f"{where}: lacks {missing[0]} and {len(set(missing)) - 1} more molecules of the pairs")
    return rows


def _rows(names: Sequence[str], molecule_ids: Sequence[str]) -> NDArray[np.int64]:
    row_of = {name: row for row, name in enumerate(molecule_ids)}
    return np.array([row_of.get(name, UNKNOWN) for name in names], np.int64)


def write_pair_scores(
    out: Path, pairs: HeldOutPairs, carbon: NDArray[np.float64], proton: NDArray[np.float64]
) -> dict[str, int]:
    """Write the scores (P,) of all pairs, null where they are NaN; return how many pairs there are, and lack a score.

    Raises ValueError if a score is infinite.
    """
    for scores in (carbon, proton):
        if np.isinf(scores).any():
            raise ValueError("a score is infinite")
    columns = {name: pa.array(scores, from_pandas=True) for name, scores in (("carbon", carbon), ("proton", proton))}
    write_table(out, PAIR_SCORES, pa.table({"pair_id": pa.array(pairs.pair_ids), **columns}, schema=PAIR_SCORES))
    return {
        "pairs": len(pairs),
        "without_carbon_score": int(np.isnan(carbon).sum()),
        "without_proton_score": int(np.isnan(proton).sum()),
    }
