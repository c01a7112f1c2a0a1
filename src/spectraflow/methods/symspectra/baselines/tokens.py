"""Peak lists and infrared spectra of a data set as token ids, for the models that read text.

The text is that of the benchmark of Alberts et al. (2024) without the molecular formula: a marker opens every
spectrum, numbers are whole tokens. 1H signals have their shift where the benchmark has a range: not every source
reports ranges.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines import token_codes
from spectraflow.methods.symspectra.baselines.token_codes import CODES, Codes, Words
from spectraflow.spectra.modalities import VECTOR_POINTS, modality
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import PEAKS, scan_table, vectors_schema

PADDING, UNKNOWN = "<pad>", "<unk>"
_COLUMNS = ("molecule_id", "technique", "position", "intensity", "multiplicity", "hydrogens", "couplings")
_INFRARED = "IR"
_MASS = frozenset({"MS", "MSMSpos", "MSMSneg"})

Slot = tuple[int, int, int]
"""Molecule, modality and collision energy (0 where there is none): the order of spectra in the text."""


@dataclass(frozen=True)
class Texts:
    """The text of G molecules as codes: rows of `codes` are molecules, values (T,) int32; `words` names codes."""

    codes: Ragged
    words: Words

    def vocabulary(self, rows: Iterable[int]) -> list[str]:
        """Return the tokens in the text of `rows`, markers first, behind padding and the unknown token."""
        values, _, _ = self.codes.take(torch.tensor(sorted(rows), dtype=torch.int64))
        texts = self.words.texts(np.unique(values.numpy()))
        return [PADDING, UNKNOWN, *sorted(texts, key=lambda text: (not _is_marker(text), text))]

    def encode(self, vocabulary: Sequence[str]) -> Ragged:
        """Return int64 token ids, places in `vocabulary`; tokens that are not in it are unknown."""
        ids = {text: place for place, text in enumerate(vocabulary)}
        used = np.unique(self.codes.values.numpy())
        table = np.zeros(CODES, np.int64)
        table[used] = [ids.get(text, ids[UNKNOWN]) for text in self.words.texts(used)]
        return Ragged(torch.from_numpy(table[self.codes.values.numpy()]), self.codes.offsets)


def build_tokens(
    peaks: Path,
    vectors: Path,
    molecule_ids: Sequence[str],
    modalities: Sequence[str],
    training_rows: Iterable[int],
    limit: int = 50,
) -> tuple[Ragged, list[str]]:
    """Return token ids of molecules, and the vocabulary of those at the places `training_rows`.

    Args:
        peaks, vectors: tables of the data set; vectors are read for IR alone.
        molecule_ids: rows of the result; molecules without any of the spectra get an empty row.
        modalities: what is read, in this order.
        training_rows: rows whose tokens are known; others are unknown tokens.
        limit: most peaks of a mass spectrum, the weakest are left out.
    """
    texts = read_texts(peaks, vectors, molecule_ids, modalities, limit)
    vocabulary = texts.vocabulary(training_rows)
    return texts.encode(vocabulary), vocabulary


def read_texts(
    peaks: Path, vectors: Path, molecule_ids: Sequence[str], modalities: Sequence[str], limit: int = 50
) -> Texts:
    """Return the text of molecules, see `build_tokens`; `Texts.encode` makes ids of it with a known vocabulary."""
    words = Words()
    techniques: dict[str, int] = {}
    for place, name in enumerate(modalities):
        techniques.setdefault(modality(name).technique, place)
    row_of = {name: row for row, name in enumerate(molecule_ids)}
    found: dict[Slot, Codes] = {}
    for slot, technique, codes in _spectra(peaks, vectors, row_of, techniques, limit, words):
        if slot in found:
            raise InputError(f"{peaks}: {molecule_ids[slot[0]]} has more than one {technique} spectrum")
        found[slot] = np.concatenate([np.array([words.code(f"<{technique}>")], np.int32), codes])
    slots = sorted(found)
    lengths = np.zeros(len(molecule_ids), np.int64)
    np.add.at(lengths, [slot[0] for slot in slots], [len(found[slot]) for slot in slots])
    values = np.concatenate([np.empty(0, np.int32), *(found[slot] for slot in slots)])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Texts(Ragged(torch.from_numpy(values), torch.from_numpy(offsets)), words)


def token_batch(tokens: Ragged, rows: Tensor) -> Tensor:
    """Return the tokens of `rows` (B,) as (B, T) int64, padded with 0; T is at least 1."""
    values, _, counts = tokens.take(rows)
    padded = pad_sequence(values.split(counts.tolist()), batch_first=True)
    return padded if padded.shape[1] else padded.new_zeros(len(rows), 1)


def modality_of_markers(vocabulary: Sequence[str], modalities: Sequence[str | None]) -> list[int]:
    """Return, for every token of a vocabulary, the place of the modality whose text it opens, or -1.

    `modalities` may hold None at the places of modalities that are not read as text.
    """
    places = {modality(name).technique: place for place, name in reversed(list(enumerate(modalities))) if name}
    return [places.get(_technique(text[1:-1])[0], -1) if _is_marker(text) else -1 for text in vocabulary]


def _is_marker(text: str) -> bool:
    return text.startswith("<") and text.endswith(">")


def _technique(name: str) -> tuple[str, int]:
    """Split `MSMSpos_10` into technique and energy; the energy of others is 0."""
    technique, _, energy = name.partition("_")
    return technique, int(energy) if energy.isdigit() else 0


def _spectra(
    peaks: Path, vectors: Path, row_of: dict[str, int], techniques: dict[str, int], limit: int, words: Words
) -> Iterator[tuple[Slot, str, Codes]]:
    for batch in scan_table(peaks, PEAKS, _COLUMNS) if techniques.keys() != {_INFRARED} else ():
        wanted = [_technique(name)[0] in techniques for name in batch.column("technique").to_pylist()]
        table = pa.Table.from_batches([batch]).filter(pa.array(wanted, pa.bool_()))
        for name, technique, codes in _peak_lists(table, row_of, limit, words):
            base, energy = _technique(technique)
            yield (row_of[name], techniques[base], energy), technique, codes
    if _INFRARED in techniques:
        for name, codes in _infrared(vectors, row_of):
            yield (row_of[name], techniques[_INFRARED], 0), _INFRARED, codes


def _peak_lists(table: pa.Table, row_of: dict[str, int], limit: int, words: Words) -> Iterator[tuple[str, str, Codes]]:
    positions, intensities = (from_list_columns(table, [name], np.float64) for name in ("position", "intensity"))
    names, techniques = (table.column(name).to_pylist() for name in ("molecule_id", "technique"))
    for row, (name, technique) in enumerate(zip(names, techniques, strict=True)):
        if name not in row_of:
            continue
        try:
            yield name, technique, _codes(table, row, _row(positions, row), _row(intensities, row), limit, words)
        except InputError as error:
            raise InputError(f"{name}, {technique}: {error}") from None


def _row(ragged: Ragged, row: int) -> NDArray[np.float64]:
    start, end = ragged.offsets[row : row + 2].tolist()
    values: NDArray[np.float64] = ragged.values[start:end, 0].numpy()
    return values


def _codes(
    table: pa.Table,
    row: int,
    positions: NDArray[np.float64],
    intensities: NDArray[np.float64],
    limit: int,
    words: Words,
) -> Codes:
    technique = _technique(table.column("technique")[row].as_py())[0]
    if technique in _MASS:
        return token_codes.mass_codes(positions, intensities, limit)
    if technique == "13C":
        return token_codes.carbon_codes(positions)
    columns = (table.column(name)[row].as_py() for name in ("multiplicity", "hydrogens", "couplings"))
    multiplicity, hydrogens, couplings = (values or [None] * len(positions) for values in columns)
    return token_codes.proton_codes(positions, multiplicity, hydrogens, couplings, words)


def _infrared(vectors: Path, row_of: dict[str, int]) -> Iterator[tuple[str, Codes]]:
    for batch in scan_table(vectors, vectors_schema([_INFRARED])):
        measured = batch.filter(pc.is_valid(batch.column(_INFRARED)))
        values = measured.column(_INFRARED).flatten().to_numpy().reshape(-1, VECTOR_POINTS)
        codes = token_codes.infrared_codes(values)
        for name, row in zip(measured.column("molecule_id").to_pylist(), codes, strict=True):
            if name in row_of:
                yield name, row
