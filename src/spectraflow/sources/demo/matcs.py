"""The demo's MatCS lists: five files of molecules, image names and labels, in the order and with the gaps of theirs."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs, rdBase
from rdkit.DataStructs import ExplicitBitVect
from scipy.optimize import linear_sum_assignment

from spectraflow.config import DemoSettings
from spectraflow.molecules.identity import first_block
from spectraflow.sources.demo.molecules import stream_molecules
from spectraflow.sources.demo.streams import gzip_text
from spectraflow.splits.similarity import morgan_fingerprints

LARGEST = 16
"""Heavy atoms of a molecule of the lists at most."""

UNPARSABLE = "C1CC"
_ELEMENTS = frozenset({6, 7, 8})
_VALIDATION, _TEST = 0.114, 0.085
_BLOCK = 1_000
_HEADER = ("smiles", "NMR", "label")
_EMPTY_COLUMNS = 5

Cells = tuple[str, str, str]


def write_matcs(settings: DemoSettings, out: Path) -> None:
    """Write ``matcs/<list>.csv.gz``: training, validation and three test lists of `settings.listed_molecules` in all.

    Every molecule of a list is a positive once. Negatives are near neighbours of the owner within the list, in
    test_diff the least similar, in test_sim its nearest neighbour of all. Images of a list have running numbers;
    test_sim gives positives, then negatives in the order of their owners, of which one is missing. Two molecules of
    the training list are also in the other lists, and one of its SMILES cannot be parsed.
    """
    rng = np.random.default_rng([settings.seed, 6])
    smiles = list(islice(_small_molecules(settings.seed + 3), settings.listed_molecules))
    marks = morgan_fingerprints(smiles)
    validation, test = (max(2, round(share * len(smiles))) for share in (_VALIDATION, _TEST))
    bounds = np.cumsum([len(smiles) - validation - test, validation])
    parts = [part.tolist() for part in np.split(np.arange(len(smiles)), bounds)]
    repeated = [_rewrite(smiles[part[0]], rng) for part in parts[1:]]
    folder = out / "matcs"
    for name, part, dirt in (("train", parts[0], [*repeated, UNPARSABLE]), ("validation", parts[1], [])):
        near = [smiles[part[at]] for at in assign([marks[row] for row in part], alike=True)]
        _write(folder / f"{name}.csv.gz", _mixed([*(smiles[at] for at in part), *dirt], near, rng))
    for name, rows in _test_lists(smiles, marks, parts[2], rng).items():
        _write(folder / f"{name}.csv.gz", rows, _EMPTY_COLUMNS if name == "test_sim" else 0)


def _small_molecules(seed: int) -> Iterator[str]:
    """Yield SMILES of neutral molecules of C, H, N and O with at most 16 heavy atoms, each constitution once."""
    seen: set[str] = set()
    for smiles in stream_molecules(seed):
        mol = Chem.MolFromSmiles(smiles)
        if mol.GetNumHeavyAtoms() > LARGEST or any(
            atom.GetAtomicNum() not in _ELEMENTS or atom.GetFormalCharge() for atom in mol.GetAtoms()
        ):
            continue
        with rdBase.BlockLogs():
            block = first_block(Chem.MolToInchiKey(mol) or None, smiles)
        if block not in seen:
            seen.add(block)
            yield smiles


def assign(marks: Sequence[ExplicitBitVect], *, alike: bool) -> list[int]:
    """Return another molecule for each, none twice, so that the sum of similarities is largest, or else smallest.

    Molecules are assigned within blocks of at most 1,000.
    """
    chosen: list[int] = []
    for rows in np.array_split(np.arange(len(marks)), -(-len(marks) // _BLOCK)):
        block = [marks[row] for row in rows]
        similarity = np.array([DataStructs.BulkTanimotoSimilarity(one, block) for one in block])
        np.fill_diagonal(similarity, -1e3 if alike else 1e3)
        chosen += rows[linear_sum_assignment(similarity, maximize=alike)[1]].tolist()
    return chosen


def nearest(marks: Sequence[ExplicitBitVect], row: int) -> int:
    """Return the molecule most similar to that of `row`, the first of equals."""
    similarity: NDArray[np.float64] = np.array(DataStructs.BulkTanimotoSimilarity(marks[row], list(marks)))
    similarity[row] = -1.0
    return int(similarity.argmax())


def _rewrite(smiles: str, rng: np.random.Generator) -> str:
    """Return a SMILES of the same molecule with its atoms in another order."""
    mol = Chem.MolFromSmiles(smiles)
    order = [int(at) for at in rng.permutation(mol.GetNumAtoms())]
    return Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)


def _mixed(positives: Sequence[str], negatives: Sequence[str], rng: np.random.Generator) -> list[Cells]:
    """Return rows in random order, their images numbered in that order."""
    labelled = [*((smiles, "1") for smiles in positives), *((smiles, "0") for smiles in negatives)]
    order = rng.permutation(len(labelled)).tolist()
    return [(labelled[at][0], f"{image}.png", labelled[at][1]) for image, at in enumerate(order)]


def _test_lists(
    smiles: Sequence[str], marks: Sequence[ExplicitBitVect], part: Sequence[int], rng: np.random.Generator
) -> dict[str, list[Cells]]:
    """Return the rows of the test lists: the same positives and images in each."""
    images = rng.permutation(2 * len(part))
    shown = np.sort(images[: len(part)]).tolist()
    others = images[len(part) :].tolist()
    own = [marks[row] for row in part]
    candidates = {
        "test_rand": [part[at] for at in assign(own, alike=True)],
        "test_diff": [part[at] for at in assign(own, alike=False)],
        "test_sim": [nearest(marks, row) for row in part],
    }
    lists = {}
    for name, chosen in candidates.items():
        positives = [(image, smiles[row], "1") for image, row in zip(shown, part, strict=True)]
        negatives = [(image, smiles[row], "0") for image, row in zip(others, chosen, strict=True)]
        if name == "test_sim":
            del negatives[len(part) // 2]
        rows = positives + negatives if name == "test_sim" else sorted(positives + negatives)
        lists[name] = [(text, f"{image}.png", label) for image, text, label in rows]
    return lists


def _write(path: Path, rows: Iterable[Cells], empty_columns: int = 0) -> None:
    with gzip_text(path) as handle:
        for cells in (_HEADER, *rows):
            handle.write((",".join((*cells, *[""] * empty_columns)) + "\r\n").encode())
