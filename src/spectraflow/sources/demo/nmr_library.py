"""The demo's nmrshiftdb2, K-M3AID and PubChem files, written in one pass over the stream of molecules."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from rdkit import Chem

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.molecules import stream_molecules
from spectraflow.sources.demo.nmrshiftdb2 import format_record, is_usable
from spectraflow.sources.demo.streams import gzip_text

OVERLAP = 10
"""One library molecule in so many also has spectra (as far as there are that many)."""

_ABSENT_EVERY, _DUPLICATE_EVERY, _BROKEN_EVERY = 40, 50, 400
_BROKEN_SMILES = ("FAIL", "C1CC", "c1ccc1N(=O)(=O)(=O)", "")


def _write_records(
    molecules: Iterator[str], settings: DemoSettings, rng: np.random.Generator, sd: BinaryIO, ids: IO[str]
) -> list[str]:
    """Write `settings.molecules` records and the id list; return the molecules the library shall repeat."""
    wanted = min(settings.molecules, max(1, settings.library // OVERLAP))
    overlap: list[str] = []
    native_id = 230
    for position, smiles in enumerate(islice(molecules, settings.molecules)):
        native_id += int(rng.integers(2, 9))
        sd.write(format_record(smiles, position, native_id, settings.shift_noise_ppm, rng).encode())
        if position % _ABSENT_EVERY == 1:
            ids.write(f"{native_id - 1}\n")
        if is_usable(position) and rng.random() < 0.9:
            ids.write(f"{native_id}\n")
        if (position + 1) * wanted // settings.molecules > position * wanted // settings.molecules:
            overlap.append(smiles)
    return overlap


def _rewrite(smiles: str, rng: np.random.Generator) -> str:
    """Return another, non-canonical SMILES of the same molecule."""
    mol = Chem.MolFromSmiles(smiles)
    return Chem.MolToSmiles(
        Chem.RenumberAtoms(mol, [int(at) for at in rng.permutation(mol.GetNumAtoms())]), canonical=False
    )


def _library_lines(
    molecules: Iterator[str], overlap: list[str], settings: DemoSettings, rng: np.random.Generator
) -> Iterator[str]:
    """Yield SMILES: the overlap spread evenly among new molecules, 2 % repeats and 0.25 % unparsable lines."""
    spread, previous = len(overlap), ""
    for at in range(settings.library):
        repeated = (at + 1) * spread // settings.library > at * spread // settings.library
        smiles = overlap[at * spread // settings.library] if repeated else next(molecules)
        yield smiles if rng.random() < 0.5 else _rewrite(smiles, rng)
        if previous and at % _DUPLICATE_EVERY == 7:
            yield _rewrite(previous, rng)
        if at % _BROKEN_EVERY == 11:
            yield _BROKEN_SMILES[at // _BROKEN_EVERY % len(_BROKEN_SMILES)]
        previous = smiles


def write_spectra_and_library(settings: DemoSettings, out: Path) -> None:
    """Write ``nmrshiftdb2/nmrshiftdb2withsignals.sd.gz``, ``nmrshiftdb2/km3aid_ids.txt`` and ``pubchem/CID-SMILES.gz``.

    Streams: memory holds the shipped molecules and the SMILES of the overlap (a tenth of the library at most).
    `settings.library` counts distinct molecules; repeats and unparsable lines come on top.
    """
    rng = np.random.default_rng([settings.seed, 1])
    molecules = stream_molecules(settings.seed)
    with ExitStack() as stack:
        sd = stack.enter_context(gzip_text(out / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz"))
        ids = stack.enter_context((out / "nmrshiftdb2" / "km3aid_ids.txt").open("w", encoding="utf-8", newline="\n"))
        overlap = _write_records(molecules, settings, rng, sd, ids)
    cid = 0
    with gzip_text(out / "pubchem" / "CID-SMILES.gz") as handle:
        for smiles in _library_lines(molecules, overlap, settings, rng):
            cid += int(rng.integers(1, 40))
            handle.write(f"{cid}\t{smiles}\n".encode())
