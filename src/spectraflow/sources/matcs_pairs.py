"""The molecules behind the MatCS lists, and the pairs of their test lists with the owners recovered."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from rdkit import DataStructs

from spectraflow.molecules.identity import first_block
from spectraflow.molecules.standardise import UnusableMolecule
from spectraflow.sources.matcs_lists import ORDERED, Row
from spectraflow.sources.structures import UnusableRecord
from spectraflow.splits.similarity import morgan_fingerprints
from spectraflow.tables import RejectReason

SOURCE = "matcs"


class Molecules:
    """The distinct constitutions behind SMILES, numbered in the order in which they appear."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.canonical: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._unusable: dict[str, UnusableMolecule] = {}
        self._by_block: dict[str, str] = {}

    def add(self, smiles: str, found: dict[str, Any] | UnusableMolecule) -> None:
        """Add what a SMILES was read as: a molecules row without an id, or why it is unusable."""
        if isinstance(found, UnusableMolecule):
            self._unusable[smiles] = found
            return
        block = first_block(found["inchikey"], found["smiles"])
        if block not in self._by_block:
            self._by_block[block] = f"{SOURCE}:{len(self.rows) + 1}"
            self.rows.append({**found, "molecule_id": self._by_block[block]})
        self.canonical[smiles] = found["smiles"]
        self._ids[smiles] = self._by_block[block]

    def molecule_id(self, smiles: str) -> str:
        """Return the id of a SMILES' molecule; raises UnusableMolecule with the reason."""
        if smiles in self._unusable:
            raise self._unusable[smiles]
        return self._ids[smiles]


class Pairs:
    """The pairs of one test list; an owner has one positive and one negative at most."""

    def __init__(self, test_set: str, owners: Mapping[str, Row], molecules: Molecules) -> None:
        self.test_set = test_set
        self.rows: list[dict[str, Any]] = []
        self._owners = owners
        self._molecules = molecules
        self._seen: set[tuple[str, bool]] = set()

    def add(self, row: Row) -> None:
        """Add a row's pair; raises UnusableMolecule or UnusableRecord with the reason."""
        candidate_id = self._molecules.molecule_id(row.smiles)
        owner_id = candidate_id if row.label else self._owner_id(row)
        if not row.label and owner_id == candidate_id:
            raise UnusableRecord(
                RejectReason.STRUCTURE_CONFLICT, f"label 0, but {row.smiles} is its owner's constitution"
            )
        if (owner_id, row.label) in self._seen:
            raise UnusableRecord(
                RejectReason.DUPLICATE_ID, f"{row.smiles}: {owner_id} has a pair of label {row.label:d} already"
            )
        self._seen.add((owner_id, row.label))
        self.rows.append(
            {"test_set": self.test_set, "owner_id": owner_id, "candidate_id": candidate_id, "label": row.label}
        )

    def _owner_id(self, row: Row) -> str:
        owner = self._owners.get(row.image)
        if owner is None:
            raise UnusableRecord(
                RejectReason.MISSING_ID, f"{ORDERED} does not show {row.image}, so its owner is unknown"
            )
        return self._molecules.molecule_id(owner.smiles)


def mean_tanimoto(pairs: Iterable[Mapping[str, Any]], molecules: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean Tanimoto similarity of owner and candidate of each test set (Morgan, radius 2, 2048 bits)."""
    pairs = list(pairs)
    wanted = {pair[end] for pair in pairs for end in ("owner_id", "candidate_id")}
    smiles = {row["molecule_id"]: row["smiles"] for row in molecules if row["molecule_id"] in wanted}
    marks = dict(zip(smiles, morgan_fingerprints(list(smiles.values())), strict=True))
    alike: dict[str, list[float]] = {}
    for pair in pairs:
        value = DataStructs.TanimotoSimilarity(marks[pair["owner_id"]], marks[pair["candidate_id"]])
        alike.setdefault(pair["test_set"], []).append(value)
    return {test_set: round(float(np.mean(values)), 4) for test_set, values in alike.items()}
