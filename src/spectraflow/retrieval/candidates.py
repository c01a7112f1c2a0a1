"""The molecules of a library as candidates: which may be drawn, and what a filter or a control needs of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from spectraflow.errors import InputError
from spectraflow.molecules.identity import first_block
from spectraflow.tables import MOLECULES, read_table


@dataclass(frozen=True)
class Candidates:
    """n library molecules in the order they are scored in.

    First blocks and carbon counts (n,); `usable` (n,) marks those that may be drawn: no duplicates by identity key,
    no molecules of the training part.
    """

    first_blocks: list[str]
    carbons: np.ndarray
    usable: np.ndarray
    removed: dict[str, int]
    statistics: dict[str, float]

    def __len__(self) -> int:
        return len(self.usable)


def first_block_codes(*blocks: Sequence[str]) -> list[np.ndarray]:
    """Return InChIKey first blocks of several lists as integers of one numbering."""
    codes: dict[str, int] = {}
    return [np.array([codes.setdefault(block, len(codes)) for block in group], np.int64) for group in blocks]


def molecule_frame(path: Path, columns: list[str]) -> pl.DataFrame:
    """Return columns of a molecules table as a polars frame."""
    return pl.DataFrame(pl.from_arrow(read_table(path, MOLECULES, columns)))


def read_candidates(ids: Sequence[str], library: Path, train_blocks: set[str]) -> Candidates:
    """Return the candidates `ids` of the molecules table `library`; raises InputError if it lacks one of them."""
    columns = ["molecule_id", "inchikey", "identity_key", "carbons", "heavy_atoms"]
    frame = pl.DataFrame({"molecule_id": list(ids)}).join(
        molecule_frame(library, columns), on="molecule_id", how="left", maintain_order="left"
    )
    if frame["carbons"].null_count():
        missing = frame.filter(pl.col("carbons").is_null())["molecule_id"]
        raise InputError(f"{library}: lacks {missing[0]} and {len(missing) - 1} more of the molecules to be ranked")
    blocks = [first_block(key, name) for key, name in zip(frame["inchikey"], ids, strict=True)]
    first = frame["identity_key"].fill_null(pl.Series(list(ids))).is_first_distinct().to_numpy()
    trained = np.array([block in train_blocks for block in blocks], dtype=bool)
    carbons = frame["carbons"].to_numpy()
    statistics = {
        "carbons_mean": float(carbons.mean()),
        "heavy_atoms_mean": float(frame["heavy_atoms"].to_numpy().mean()),
    }
    removed = {"duplicates": int((~first).sum()), "training_molecules": int((first & trained).sum())}
    return Candidates(blocks, carbons, first & ~trained, removed, statistics)
