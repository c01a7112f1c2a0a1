"""The pair lists of MatCS (Tian et al., J. Chem. Inf. Model. 2024, 64, 5624): their rows, and whose spectra they show.

A row names a molecule, the image of two spectra, and whether they match. The molecule behind the image of a row that
does not match is not written down.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import DataStructs
from rdkit.DataStructs import ExplicitBitVect

from spectraflow.errors import InputError, MissingSourceError
from spectraflow.sources.smiles_list import Line, read_lines
from spectraflow.sources.structures import UnusableRecord
from spectraflow.splits.similarity import BITS, morgan_fingerprints
from spectraflow.tables import RejectReason

LISTS = ("train", "validation", "test_rand", "test_diff", "test_sim")
ORDERED = "test_sim"
"""The list whose negatives stand in the order of its positives."""

MOST_MISSING = 500
"""Rows that the ordered list may lack before it counts as another list."""

_COLUMNS = ("smiles", "NMR", "label")
_LABELS = {"0": False, "1": True}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list: the number of its line, the molecule's SMILES, the name of the image, and if they match."""

    number: int
    smiles: str
    image: str
    label: bool


class Misfit(NamedTuple):
    """A line that is no row."""

    number: int
    reason: RejectReason
    message: str


class PairList(NamedTuple):
    """The lines of a list after its header: rows in order, and misfits."""

    rows: list[Row]
    misfits: list[Misfit]

    def labelled(self, label: bool) -> list[Row]:
        """Return the rows with a label, in order."""
        return [row for row in self.rows if row.label == label]


def read_lists(folder: Path) -> dict[str, PairList]:
    """Return the five lists of a folder by name.

    Raises MissingSourceError naming absent files and InputError for a file without rows or the needed columns.
    """
    paths = {name: Path(folder) / f"{name}.csv.gz" for name in LISTS}
    if absent := [str(path) for path in paths.values() if not path.is_file()]:
        raise MissingSourceError(f"no such file: {', '.join(absent)}")
    return {name: read_list(path) for name, path in paths.items()}


def read_list(path: Path) -> PairList:
    """Return the rows of a list; columns are found by name, further ones are left alone.

    Every line is read by itself, so that a stray quote costs one row. Raises InputError naming file and column.
    """
    lines = read_lines(path)
    header = next(lines, None)
    places = _places(path, _cells(header.text.removeprefix("\ufeff")) if header else [])
    rows: list[Row] = []
    misfits: list[Misfit] = []
    images: set[str] = set()
    for line in lines:
        try:
            row = _row(line, places)
            if row.image in images:
                raise UnusableRecord(RejectReason.DUPLICATE_ID, f"image {row.image!r} is named twice")
            images.add(row.image)
            rows.append(row)
        except UnusableRecord as error:
            misfits.append(Misfit(line.number, error.reason, error.message))
    if not rows:
        raise InputError(f"{path}: the file holds no row of {', '.join(_COLUMNS)}")
    return PairList(rows, misfits)


def _cells(text: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text]), [])]
    except csv.Error:
        return []


def _places(path: Path, header: list[str]) -> tuple[int, ...]:
    for name in _COLUMNS:
        if name not in header:
            raise InputError(f"{path}: no column '{name}' in the header")
    return tuple(header.index(name) for name in _COLUMNS)


def _row(line: Line, places: tuple[int, ...]) -> Row:
    cells = _cells(line.text)
    if len(cells) <= max(places) or not any(cells):
        raise UnusableRecord(RejectReason.MALFORMED_LINE, f"not {len(_COLUMNS)} cells: {line.text[:80]!r}")
    smiles, image, label = (cells[place] for place in places)
    if label not in _LABELS:
        raise UnusableRecord(RejectReason.WRONG_VALUE, f"label {label[:80]!r} is neither 0 nor 1")
    if not image:
        raise UnusableRecord(RejectReason.MISSING_ID, "no name of an image")
    return Row(line.number, smiles, image, _LABELS[label])


def recover_owners(ordered: PairList) -> dict[str, Row]:
    """Return the positive row whose spectra an image of a negative shows, by the image's name.

    In the ordered list the k-th negative belongs to the k-th positive: it is the molecule nearest to it. Where one
    of the two kinds has rows too few, the gaps are put where owners and negatives are most alike: the sum of their
    Tanimoto similarities is the largest an order-preserving assignment can have. The other test lists show the same
    images. Raises InputError if the negatives are not alike their owners more than their owners' successors.
    """
    positives, negatives = ordered.labelled(True), ordered.labelled(False)
    if abs(len(positives) - len(negatives)) > MOST_MISSING:
        raise InputError(
            f"{ORDERED}: {len(positives)} positives but {len(negatives)} negatives; owners cannot be recovered"
        )
    marks = _fingerprints(positives), _fingerprints(negatives)
    if len(positives) >= len(negatives):
        places = match_in_order(marks[1], marks[0])
        pairs = list(zip(places, range(len(negatives)), strict=True))
    else:
        pairs = list(enumerate(match_in_order(*marks)))
    _require_alike(pairs, *marks)
    return {negatives[negative].image: positives[owner] for owner, negative in pairs}


def match_in_order(short: Sequence[ExplicitBitVect], long: Sequence[ExplicitBitVect]) -> list[int]:
    """Return a place in `long` for each of `short`, ascending, with the largest sum of Tanimoto similarities.

    Ties go to the lowest places. Takes len(short) x (len(long) - len(short) + 1) similarities.
    """
    width = len(long) - len(short) + 1
    if width == 1 or not short:
        return list(range(len(short)))
    sums = np.zeros((len(short), width))
    for place, one in enumerate(short):
        alike = np.array(DataStructs.BulkTanimotoSimilarity(one, long[place : place + width]))
        sums[place] = alike + (np.maximum.accumulate(sums[place - 1]) if place else 0.0)
    return _trace_back(sums)


def _trace_back(sums: NDArray[np.float64]) -> list[int]:
    skipped = sums.shape[1] - 1
    places = []
    for place in range(len(sums) - 1, -1, -1):
        skipped = int(np.argmax(sums[place, : skipped + 1]))
        places.append(place + skipped)
    return places[::-1]


def _fingerprints(rows: Sequence[Row]) -> list[ExplicitBitVect]:
    """Return a fingerprint of every row, without any bit where the SMILES cannot be read: the row keeps its place."""
    return [_fingerprint(row.smiles) for row in rows]


def _fingerprint(smiles: str) -> ExplicitBitVect:
    try:
        return morgan_fingerprints([smiles])[0]
    except InputError:
        return ExplicitBitVect(BITS)


def _require_alike(
    pairs: list[tuple[int, int]], positives: Sequence[ExplicitBitVect], negatives: Sequence[ExplicitBitVect]
) -> None:
    within = [(owner, negative) for owner, negative in pairs if owner + 1 < len(positives)]
    if not within:
        return
    own, next_one = (
        sum(DataStructs.TanimotoSimilarity(positives[owner + step], negatives[at]) for owner, at in within)
        for step in (0, 1)
    )
    if own <= next_one:
        raise InputError(f"{ORDERED}: its negatives do not follow the order of its positives, so nothing tells owners")
