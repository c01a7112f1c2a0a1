"""The molecules of a split on a plane, near each other where their scaffolds are alike (Fig. 6)."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from rdkit import DataStructs
from sklearn.manifold import TSNE

from spectraflow.errors import InputError
from spectraflow.splits.similarity import morgan_fingerprints
from spectraflow.tables import MOLECULES, SCAFFOLD_MAP, SPLITS, read_table, write_table

DRAWN, PERPLEXITY = 10_000, 30


def map_split(molecules: Path, split: Path, out: Path, *, seed: int = 0, drawn: int = DRAWN) -> None:
    """Write the positions of at most `drawn` cyclic molecules by t-SNE of their scaffolds' Morgan fingerprints.

    Perplexity 30, or a third of the molecules where there are fewer. Raises InputError for fewer than four.
    """
    table = read_table(molecules, MOLECULES, ["molecule_id", "scaffold"]).join(read_table(split, SPLITS), "molecule_id")
    table = table.filter(pa.compute.field("part").is_valid() & (pa.compute.field("scaffold") != "")).sort_by(
        "molecule_id"
    )
    if table.num_rows < 4:
        raise InputError(f"{split}: {table.num_rows} molecules with a ring are too few to draw")
    chosen = np.sort(np.random.default_rng(seed).permutation(table.num_rows)[:drawn])
    table = table.take(chosen)
    bits = np.stack([_bits(one) for one in morgan_fingerprints(table["scaffold"].to_pylist())])
    perplexity = min(PERPLEXITY, (len(bits) - 1) / 3)
    places = TSNE(perplexity=perplexity, metric="jaccard", init="random", random_state=seed).fit_transform(bits)
    columns = {"molecule_id": table["molecule_id"], "part": table["part"], "x": places[:, 0], "y": places[:, 1]}
    write_table(out, SCAFFOLD_MAP, pa.table({name: columns[name] for name in SCAFFOLD_MAP.names}))


def _bits(fingerprint: DataStructs.ExplicitBitVect) -> np.ndarray:
    values = np.zeros(fingerprint.GetNumBits(), dtype=bool)
    values[list(fingerprint.GetOnBits())] = True
    return values
