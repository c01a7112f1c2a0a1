"""Pairs that others have listed: which of them the molecules at hand can stand for."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.errors import AccountingError, InputError
from spectraflow.methods.matchnet.assignment import Rows
from spectraflow.methods.matchnet.pair_molecules import Chosen, PairMolecules
from spectraflow.tables import LISTED_PAIRS, read_table

_NAMED = 20


def listed_sets(listed: Path, molecules: PairMolecules) -> tuple[dict[str, Chosen], dict[str, Any]]:
    """Return the usable negatives of each set of a LISTED_PAIRS table, and what became of its pairs.

    A negative is used if its owner is a test molecule and its candidate another molecule of any part; the others are
    counted by reason, the first 20 of each named. Positives are counted alone: they are the set true.

    Raises InputError for a set whose name does not begin with listed_, as it might be one of our own.
    """
    table = read_table(listed, LISTED_PAIRS)
    names = np.array(table["test_set"].to_pylist(), np.str_)
    if wrong := sorted(name for name in set(names.tolist()) if not name.startswith("listed_")):
        raise InputError(f"{listed}: test_set '{wrong[0]}' does not begin with listed_")
    owners, candidates = (_rows(molecules.ids, table[name]) for name in ("owner_id", "candidate_id"))
    positive = table["label"].to_numpy().astype(bool)
    reasons = {
        "listed_unknown": (owners < 0) | (candidates < 0),
        "listed_outside_test": molecules.parts[owners] != "test",
        "listed_same_molecule": owners == candidates,
        "listed_repeated": _seen_before(names, owners, candidates),
    }
    left, rejected = ~positive, {}
    for reason, applies in reasons.items():
        lost = np.flatnonzero(left & applies)
        first = table.take(pa.array(lost[:_NAMED])).select(["test_set", "owner_id", "candidate_id"]).to_pylist()
        rejected[reason] = {"pairs": len(lost), "first": first}
        left &= ~applies
    summary = {"listed": len(table), "listed_positive": int(positive.sum()), "listed_used": int(left.sum()), **rejected}
    if sum(one["pairs"] for one in rejected.values()) + left.sum() + positive.sum() != len(table):
        raise AccountingError(f"{listed}: {len(table)} pairs, but {summary}")
    used = {str(name): left & (names == name) for name in np.unique(names)}
    return {name: (owners[which], candidates[which]) for name, which in used.items()}, summary


def _rows(ids: pa.Array, named: pa.ChunkedArray) -> Rows:
    return np.asarray(pc.fill_null(pc.index_in(named, ids), -1).to_numpy(), np.int64)


def _seen_before(names: NDArray[np.str_], owners: Rows, candidates: Rows) -> NDArray[np.bool_]:
    _, number = np.unique(names, return_inverse=True)
    _, first = np.unique(np.stack([number, owners, candidates]), axis=1, return_index=True)
    seen = np.ones(len(names), bool)
    seen[first] = False
    return seen
