"""Structural similarity: Morgan fingerprints, and how near the molecules of a part are to the training part."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator
from rdkit.DataStructs import ExplicitBitVect

from spectraflow.errors import InputError

RADIUS = 2
BITS = 2048
SAMPLED = 1000
"""Test molecules at most whose nearest training molecule is looked for."""


def morgan_fingerprints(smiles: Sequence[str]) -> list[ExplicitBitVect]:
    """Return Morgan fingerprints of radius 2 and 2048 bits; raises InputError naming a SMILES that cannot be read.

    Scaffolds need not have a Kekulé structure once their substituents are gone: such SMILES are read unsanitised.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    with rdBase.BlockLogs():
        return [generator.GetFingerprint(_read(text)) for text in smiles]


def distances(one: ExplicitBitVect, others: Sequence[ExplicitBitVect]) -> NDArray[np.float64]:
    """Return the Tanimoto distances of one fingerprint to others, (n,)."""
    return 1 - np.array(DataStructs.BulkTanimotoSimilarity(one, others))


def nearest_train_tanimoto(
    smiles: Sequence[str], first_blocks: Sequence[str], parts: Sequence[str], seed: int, *, sampled: int = SAMPLED
) -> dict[str, float | int]:
    """Return the mean Tanimoto similarity of test molecules to their nearest training molecule.

    ``split`` is that of `parts`, ``random`` that of a random split by first block with parts of the same sizes, and
    ``molecules`` how many test molecules, drawn by `seed`, stand behind each.
    """
    fingerprints = morgan_fingerprints(smiles)
    generator = np.random.default_rng(seed)
    blocks, block_of = np.unique(np.array(first_blocks), return_inverse=True)
    order = np.argsort(generator.permutation(len(blocks))[block_of], kind="stable")
    shuffled = np.empty(len(parts), dtype="U8")
    shuffled[order] = sorted(parts)
    found = {
        name: _mean_nearest(fingerprints, np.array(assigned), generator, sampled)
        for name, assigned in (("split", list(parts)), ("random", shuffled))
    }
    return {**found, "molecules": min(sampled, list(parts).count("test"))}


def _mean_nearest(
    fingerprints: Sequence[ExplicitBitVect], parts: NDArray[np.str_], generator: np.random.Generator, sampled: int
) -> float:
    train = [fingerprints[row] for row in np.flatnonzero(parts == "train").tolist()]
    test = np.flatnonzero(parts == "test")
    chosen = generator.choice(test, size=min(sampled, len(test)), replace=False)
    nearest = [1 - distances(fingerprints[row], train).min() for row in chosen.tolist()]
    return float(np.mean(nearest))


def _read(smiles: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
        if mol is None:
            raise InputError(f"'{smiles}' cannot be read as a SMILES")
        mol.UpdatePropertyCache(strict=False)
        Chem.FastFindRings(mol)
    return mol
