"""What pairs are made from: molecules with fingerprints, the part each is in, and which spectra are identical."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.assignment import Packed, Rows
from spectraflow.tables import MATCHING_SPECTRA, RENDERED, SPLITS, read_table, scan_table

PARTS = ("train", "val", "test")
_RENDERED = ("proton_high", "proton_low", "carbon_high", "carbon_low")

Chosen = tuple[Rows, Rows]
"""Rows of owners and of their candidates, each (pairs,)."""


@dataclass(frozen=True)
class PairMolecules:
    """Molecules by ascending id: fingerprints (n, 256) packed, codes of identical spectra (n,), part of each (n,)."""

    ids: pa.Array
    formulas: pa.Array
    fingerprints: Packed
    codes: Rows
    parts: NDArray[np.str_]

    @classmethod
    def read(cls, spectra: Path, rendered: Path, split: Path) -> Self:
        """Read the molecules of a MATCHING_SPECTRA table, which the RENDERED and SPLITS tables must have too.

        Raises InputError naming a molecule that is repeated, unknown, or lacks a fingerprint, a rendering or a part.
        """
        table = read_table(spectra, MATCHING_SPECTRA, ["molecule_id", "formula", "fingerprint"]).sort_by("molecule_id")
        ids, bits = table["molecule_id"].combine_chunks(), table["fingerprint"].combine_chunks()
        if repeated := _first(ids, pc.equal(ids[1:], ids[:-1])):
            raise InputError(f"{spectra}: molecule {repeated} occurs more than once")
        if blank := _first(ids, pc.is_null(bits)):
            raise InputError(f"{spectra}: column 'fingerprint' of molecule {blank} is empty")
        packed = np.frombuffer(b"".join(bits.to_pylist()), np.uint8).reshape(-1, bits.type.byte_width)
        codes = spectrum_codes(rendered, ids.to_pylist())
        return cls(ids, table["formula"].combine_chunks(), packed, codes, _parts(split, spectra, ids))


def spectrum_codes(rendered: Path, ids: Sequence[str]) -> Rows:
    """Return an integer for each molecule, (n,), equal for those whose rendered spectra are identical.

    Raises InputError naming a molecule that the RENDERED table lacks.
    """
    codes: dict[bytes, int] = {}
    code_of: dict[str, int] = {}
    for batch in scan_table(rendered, RENDERED):
        for molecule, digest in zip(batch.column("molecule_id").to_pylist(), _digests(batch), strict=True):
            code_of[molecule] = codes.setdefault(digest, len(codes))
    missing = [molecule for molecule in ids if molecule not in code_of]
    if missing:
        raise InputError(f"{rendered}: {len(missing)} molecules are not rendered, such as {missing[0]}")
    return np.array([code_of[molecule] for molecule in ids], np.int64)


def _digests(batch: pa.RecordBatch) -> list[bytes]:
    lists = [(batch.column(name).offsets.to_pylist(), batch.column(name).values.to_numpy(False)) for name in _RENDERED]
    digests = []
    for row in range(len(batch)):
        digest = blake2b(digest_size=16)
        for offsets, values in lists:
            digest.update(values[offsets[row] : offsets[row + 1]].tobytes() + b"|")
        digests.append(digest.digest())
    return digests


def _parts(split: Path, spectra: Path, ids: pa.Array) -> NDArray[np.str_]:
    table = read_table(split, SPLITS)
    named, parts = table["molecule_id"].combine_chunks(), table["part"].combine_chunks()
    if (other := _first(parts, pc.invert(pc.is_in(parts, pa.array(PARTS))))) is not None:
        raise InputError(f"{split}: part '{other}' is none of {', '.join(PARTS)}")
    if unknown := _first(named, pc.invert(pc.is_in(named, ids))):
        raise InputError(f"{split}: molecule {unknown} is not in {spectra}")
    if missing := _first(ids, pc.invert(pc.is_in(ids, named))):
        raise InputError(f"{split}: molecule {missing} of {spectra} has no part")
    if len(named) > len(ids):
        raise InputError(f"{split}: molecule {_repeated(named)} occurs more than once")
    return np.array(parts.take(pc.index_in(ids, named)).to_pylist(), np.str_)


def _first(values: pa.Array, chosen: pa.BooleanArray) -> str | None:
    place = pc.index(chosen, True).as_py()
    return None if place < 0 else str(values[place])


def _repeated(values: pa.Array) -> str:
    counts = values.value_counts()
    return str(counts.field("values")[pc.index(pc.greater(counts.field("counts"), 1), True).as_py()])
