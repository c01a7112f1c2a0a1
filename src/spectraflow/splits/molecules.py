"""What a split needs to know of the molecules: identity at three levels, in an order that no file order changes."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from spectraflow.errors import InputError
from spectraflow.tables import MOLECULES, read_table

_ID_ONLY = pa.schema([MOLECULES.field("molecule_id")], metadata={"spectraflow.table": "subset"})


@dataclass(frozen=True)
class SplitMolecules:
    """Molecules in ascending order of id, one entry of each list a molecule.

    A molecule without InChIKey or identity key stands for itself: its id takes their place.
    """

    ids: list[str]
    first_blocks: list[str]
    identity_keys: list[str]
    scaffolds: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, positions: list[int]) -> "SplitMolecules":
        """Return the molecules at `positions`, in the given order."""
        columns = (self.ids, self.first_blocks, self.identity_keys, self.scaffolds)
        return SplitMolecules(*([column[i] for i in positions] for column in columns))


def read_molecules(path: Path, subset: Path | None = None) -> SplitMolecules:
    """Read a molecules table, limited to the ids in any table with a `molecule_id` column.

    Raises InputError if an id occurs twice, if the subset names an unknown one, or if nothing is left.
    """
    table = read_table(path, MOLECULES, ["molecule_id", "inchikey", "identity_key", "scaffold"])
    table = table.sort_by("molecule_id")
    ids: list[str] = table["molecule_id"].to_pylist()
    repeated = sorted({one for one, two in pairwise(ids) if one == two})
    if repeated:
        raise InputError(f"{path}: {_some(repeated)} occur(s) more than once")
    molecules = SplitMolecules(
        ids=ids,
        first_blocks=[key[:14] if key else i for key, i in zip(table["inchikey"].to_pylist(), ids, strict=True)],
        identity_keys=[key or i for key, i in zip(table["identity_key"].to_pylist(), ids, strict=True)],
        scaffolds=[scaffold or "" for scaffold in table["scaffold"].to_pylist()],
    )
    if subset is not None:
        molecules = _limit(molecules, path, subset)
    if not ids or not len(molecules):
        raise InputError(f"{subset or path}: no molecules to split")
    return molecules


def read_smiles(path: Path, ids: list[str]) -> list[str]:
    """Return the SMILES of molecules that a molecules table holds, in the order of `ids`."""
    table = read_table(path, MOLECULES, ["molecule_id", "smiles"])
    smiles = dict(zip(table["molecule_id"].to_pylist(), table["smiles"].to_pylist(), strict=True))
    return [smiles[molecule] for molecule in ids]


def _limit(molecules: SplitMolecules, path: Path, subset: Path) -> SplitMolecules:
    wanted = set(read_table(subset, _ID_ONLY)["molecule_id"].to_pylist())
    unknown = sorted(wanted.difference(molecules.ids))
    if unknown:
        raise InputError(f"{subset}: {_some(unknown)} of its molecules are not in {path}")
    return molecules.take([i for i, molecule in enumerate(molecules.ids) if molecule in wanted])


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{len(names)} ({shown}, ...)"
