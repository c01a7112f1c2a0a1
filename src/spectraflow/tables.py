"""Canonical Parquet tables: schemas with units, checked reading, atomic streamed writing.

Every table is an Arrow schema whose fields carry a description (and unit) in their metadata; files carry the
producing version. Row groups hold at most 128k rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from spectraflow import __version__
from spectraflow.errors import InputError, UnreadableFileError
from spectraflow.files import atomic_path
from spectraflow.spectra.modalities import VECTOR_POINTS

ROW_GROUP_ROWS = 131_072
ROW_GROUP_BYTES = 1 << 26


class RejectReason(StrEnum):
    """Why a record, a spectrum or a peak could not be used."""

    UNREADABLE_MOLECULE = "unreadable_molecule"
    EMPTY_MOLECULE = "empty_molecule"
    MOLECULE_TOO_LARGE = "molecule_too_large"
    TRUNCATED_RECORD = "truncated_record"
    MISSING_ID = "missing_id"
    DUPLICATE_ID = "duplicate_id"
    MALFORMED_LINE = "malformed_line"
    MALFORMED_PEAK = "malformed_peak"
    SHIFT_NOT_FINITE = "shift_not_finite"
    SHIFT_OUT_OF_RANGE = "shift_out_of_range"
    UNREADABLE_FORMULA = "unreadable_formula"
    ATOM_OUT_OF_RANGE = "atom_out_of_range"
    WRONG_ELEMENT = "wrong_element"
    EMPTY_PEAK_LIST = "empty_peak_list"
    UNSUPPORTED_NUCLEUS = "unsupported_nucleus"
    UNKNOWN_LABEL = "unknown_label"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_VALUE = "wrong_value"
    REPEATED_FIELD = "repeated_field"
    MISSING_STRUCTURE = "missing_structure"
    STRUCTURE_CONFLICT = "structure_conflict"
    NUMBER_NOT_FINITE = "number_not_finite"
    WRONG_LENGTH = "wrong_length"
    MISSING_SPECTRUM = "missing_spectrum"
    PEAK_COUNT_MISMATCH = "peak_count_mismatch"
    UNSUPPORTED_SPECTRUM = "unsupported_spectrum"
    MISSING_FILE = "missing_file"
    UNREADABLE_FILE = "unreadable_file"
    DUPLICATE_MOLECULE = "duplicate_molecule"
    SEVERAL_FRAGMENTS = "several_fragments"
    CHARGED_MOLECULE = "charged_molecule"
    NO_BOND = "no_bond"
    OTHER = "other"


def _field(name: str, type_: pa.DataType, description: str, nullable: bool = True) -> pa.Field:
    return pa.field(name, type_, nullable=nullable, metadata={"description": description})


def _schema(name: str, *fields: pa.Field) -> pa.Schema:
    return pa.schema(fields, metadata={"spectraflow.table": name})


MOLECULES = _schema(
    "molecules",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("smiles", pa.string(), "RDKit canonical isomeric SMILES of the heavy-atom graph", nullable=False),
    _field("inchikey", pa.string(), "standard InChIKey; its first 14 letters identify the constitution"),
    _field("identity_key", pa.string(), "canonical SMILES shared by a molecule and its mirror image"),
    _field("formula", pa.string(), "Hill formula"),
    _field("mol_weight", pa.float64(), "average molecular weight, g/mol"),
    _field("heavy_atoms", pa.int32(), "number of heavy atoms"),
    _field("carbons", pa.int32(), "number of carbon atoms"),
    _field("scaffold", pa.string(), "Bemis-Murcko scaffold SMILES without stereo; empty if acyclic"),
)

PEAKS = _schema(
    "peaks",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("spectrum_id", pa.string(), "unique in the source, e.g. `nmrshiftdb2:234/13C/0`", nullable=False),
    _field("technique", pa.string(), "nucleus or technique: 13C, 1H, MS", nullable=False),
    _field("position", pa.list_(pa.float64()), "shift in ppm, or m/z"),
    _field("intensity", pa.list_(pa.float64()), "as given by the source"),
    _field("multiplicity", pa.list_(pa.string()), "as given by the source, null if absent"),
    _field("atoms", pa.list_(pa.list_(pa.int32())), "atom indices in the order of the molecule's `smiles`"),
    _field("hydrogens", pa.list_(pa.float64()), "number of protons of each 1H signal; null if unreported"),
    _field("couplings", pa.list_(pa.string()), "coupling constants of each 1H signal, Hz, as `7.1_1.5_`; null if none"),
    _field("solvent", pa.string(), "null if unreported"),
    _field("frequency_mhz", pa.float64(), "spectrometer field as the source states it, MHz; null if unreported"),
    _field("temperature_k", pa.float64(), "K; null if unreported"),
    _field("origin", pa.string(), "measured, predicted or simulated", nullable=False),
)

PROFILES = _schema(
    "profiles",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("spectrum_id", pa.string(), "unique in the source", nullable=False),
    _field("technique", pa.string(), "nucleus or technique: 13C, 1H, MS", nullable=False),
    _field("position", pa.list_(pa.float64()), "shift in ppm, or m/z, of every point of a continuous spectrum"),
    _field("intensity", pa.list_(pa.float64()), "as given by the source"),
    _field("solvent", pa.string(), "null if unreported"),
    _field("frequency_mhz", pa.float64(), "spectrometer field as the source states it, MHz; null if unreported"),
    _field("origin", pa.string(), "measured, predicted or simulated", nullable=False),
)

MASS_RECORDS = _schema(
    "mass_records",
    _field("molecule_id", pa.string(), "`massbank:accession`", nullable=False),
    _field("spectrum_id", pa.string(), "of the peaks table", nullable=False),
    _field("accession", pa.string(), "accession of the record", nullable=False),
    _field("licence", pa.string(), "licence of the record; null if unstated"),
    _field("ms_type", pa.string(), "MS: of intact molecules, not of selected ions", nullable=False),
    _field("ion_mode", pa.string(), "POSITIVE or NEGATIVE; null if unstated"),
    _field("ionisation", pa.string(), "instrument type with the ionisation, such as EI-B or GC-EI-TOF"),
    _field("energy", pa.string(), "energy of the electrons in the record's words; null if unstated"),
    _field("energy_ev", pa.float64(), "energy of the electrons, eV; null if unstated"),
    _field("instrument", pa.string(), "null if unstated"),
    _field("peaks", pa.int32(), "number of peaks", nullable=False),
)

OPEN_SOURCES = _schema(
    "open_sources",
    _field("molecule_id", pa.string(), "`open_exp:first block of the InChIKey`", nullable=False),
    _field("accession", pa.string(), "MassBank record of the EI spectrum", nullable=False),
    _field("licence", pa.string(), "licence of that record; null if unstated"),
    _field("energy_ev", pa.float64(), "energy of its electrons, eV; null if unstated"),
    _field("isotope_labelled", pa.bool_(), "its compound bears a label, such as deuterium: masses are shifted"),
    _field("carbon_spectrum", pa.string(), "nmrshiftdb2 spectrum_id of the 13C spectrum", nullable=False),
    _field("carbon_solvent", pa.string(), "its solvent; null if unreported"),
    _field("proton_spectrum", pa.string(), "nmrshiftdb2 spectrum_id of the 1H spectrum; null if there is none"),
    _field("proton_solvent", pa.string(), "its solvent; null if unreported"),
)

GRAPHS = _schema(
    "graphs",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("atomic_number", pa.list_(pa.int8()), "Z of each heavy atom, in the order of `smiles`"),
    _field("chirality", pa.list_(pa.int8()), "0 none, 1 clockwise, 2 counter-clockwise tag"),
    _field("hybridisation", pa.list_(pa.int8()), "0 other, 1 SP, 2 SP2, 3 SP3, 4 SP3D, 5 SP3D2"),
    _field("hydrogens", pa.list_(pa.int8()), "total number of attached hydrogens"),
    _field("bond_source", pa.list_(pa.int16()), "first atom of each bond (each bond once)"),
    _field("bond_target", pa.list_(pa.int16()), "second atom of each bond"),
    _field("bond_type", pa.list_(pa.int8()), "0 single, 1 double, 2 triple, 3 aromatic, 5 other"),
    _field("bond_direction", pa.list_(pa.int8()), "0 none, 1 up, 2 down"),
)

SPLITS = _schema(
    "splits",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("part", pa.string(), "train, val or test", nullable=False),
)

REJECTS = _schema(
    "rejects",
    _field("native_id", pa.string(), "the source's own id, or the record's position if it has none", nullable=False),
    _field("stage", pa.string(), "record, spectrum, peak, assignment, label or graph: what was lost", nullable=False),
    _field("reason", pa.string(), "one of RejectReason", nullable=False),
    _field("message", pa.string(), "what was found, naming the spectrum, peak or line"),
)


PROPERTIES = _schema(
    "properties",
    _field(
        "molecule_id", pa.string(), "`moleculenet_<task>:<row>`, rows counted from 0 in the raw file", nullable=False
    ),
    _field("row", pa.int32(), "row of the raw file, from 0; of merged rows the first", nullable=False),
    _field("smiles", pa.string(), "RDKit canonical, isomeric, all fragments kept", nullable=False),
    _field("inchikey", pa.string(), "full standard InChIKey; null if there is none"),
    _field("scaffold", pa.string(), "Murcko scaffold without stereo; empty for acyclic molecules", nullable=False),
    _field("targets", pa.list_(pa.float32()), "a number a target, in the order of counts.json; null = not measured"),
)

PRETRAINING = _schema(
    "pretraining",
    _field("molecule_id", pa.string(), "`nmrshiftdb2:native id`", nullable=False),
    _field("smiles", pa.string(), "RDKit canonical, isomeric", nullable=False),
    _field("first_block", pa.string(), "first block of the InChIKey", nullable=False),
    _field("carbon_atom", pa.list_(pa.int32()), "all carbons in the order of `smiles`, ascending"),
    _field("shift_ppm", pa.list_(pa.float32()), "13C shift of each of these carbons, ppm"),
)

PROPERTY_PREDICTIONS = _schema(
    "property_predictions",
    _field("molecule_id", pa.string(), "`moleculenet_<task>:<row>`", nullable=False),
    _field("part", pa.string(), "val or test", nullable=False),
    _field("measured", pa.list_(pa.float32()), "targets; null = not measured"),
    _field("predicted", pa.list_(pa.float32()), "probability of the positive class, or the value in original units"),
)

EMBEDDING_MAP = _schema(
    "embedding_map",
    _field("molecule_id", pa.string(), "`moleculenet_<task>:<row>`", nullable=False),
    _field("part", pa.string(), "train, val or test", nullable=False),
    _field("stage", pa.string(), "pretrained or finetuned", nullable=False),
    _field("embedding", pa.string(), "name of the encoder, or fused", nullable=False),
    _field("target", pa.float32(), "measured target; null = not measured"),
    _field("x", pa.float32(), "t-SNE of the embedding, arbitrary unit"),
    _field("y", pa.float32(), "t-SNE of the embedding, arbitrary unit"),
)

LATE_PARTS = _schema(
    "late_parts",
    _field("molecule_id", pa.string(), "`moleculenet_<task>:<row>`", nullable=False),
    _field("encoder", pa.string(), "name of the encoder", nullable=False),
    _field("coefficient", pa.float32(), "of the encoder for this molecule"),
    _field("prediction", pa.float32(), "of the encoder alone: a logit, or a value in deviations of the training part"),
    _field("product", pa.float32(), "coefficient times prediction: its share of the sum"),
)

POSITIVE_SUBGRAPHS = _schema(
    "positive_subgraphs",
    _field("molecule_id", pa.string(), "`moleculenet_<task>:<row>`", nullable=False),
    _field("smiles", pa.string(), "the molecule", nullable=False),
    _field("probability", pa.float32(), "predicted for the molecule"),
    _field("measured", pa.float32(), "0 or 1; null = not measured"),
    _field("subgraph", pa.string(), "smallest part still predicted positive; null if no connected part is"),
    _field("atoms", pa.list_(pa.int32()), "its atoms in the order of `smiles`"),
    _field("subgraph_probability", pa.float32(), "predicted for the subgraph"),
    _field("random_positive", pa.float32(), "share of random parts of its size predicted positive; null if untested"),
    _field("cluster", pa.int32(), "subgraphs alike, 0 = largest cluster; null without a subgraph"),
)


ALIGNMENT = _schema(
    "alignment",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("spectrum_id", pa.string(), "the 13C spectrum the shifts come from", nullable=False),
    _field("first_block", pa.string(), "first block of the InChIKey: no two parts of a split share one"),
    _field("carbon_atom", pa.list_(pa.int32()), "indices of all carbons in the order of `smiles`, ascending"),
    _field("shift_mppm", pa.list_(pa.int32()), "shift of each of these carbons, thousandths of a ppm"),
    _field("multiplicity", pa.list_(pa.int8()), "0 S (C), 1 D (CH), 2 T (CH2), 3 Q (CH3) of each carbon"),
)

ASSIGNMENTS = _schema(
    "assignments",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("carbon_atom", pa.int32(), "index of the carbon in the order of `smiles`"),
    _field("shift_ppm", pa.float64(), "its measured shift, ppm"),
    _field("multiplicity", pa.int8(), "0 S, 1 D, 2 T, 3 Q"),
    _field("published_atom", pa.int32(), "carbon this peak is given by the published metric"),
    _field("argmax_atom", pa.int32(), "carbon with the highest score"),
    _field("hungarian_atom", pa.int32(), "carbon of the one-to-one assignment"),
    _field("published_ppm", pa.float64(), "measured shift of published_atom, ppm"),
    _field("argmax_ppm", pa.float64(), "measured shift of argmax_atom, ppm"),
    _field("hungarian_ppm", pa.float64(), "measured shift of hungarian_atom, ppm"),
)

RANKS = _schema(
    "ranks",
    _field("query_id", pa.string(), "molecule of the query spectrum", nullable=False),
    _field("scoring", pa.string(), "how spectra score molecules; the first is the main one", nullable=False),
    _field("score", pa.float64(), "score of the truth"),
    _field("at_or_above", pa.int64(), "eligible library molecules that score at least as high as the truth"),
    _field("eligible", pa.int64(), "library molecules left after removing those with the query's first block"),
)

LIBRARY = _schema(
    "library",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("smiles", pa.string(), "RDKit canonical isomeric SMILES", nullable=False),
    _field("first_block", pa.string(), "first block of the InChIKey; the molecule's id if it has none", nullable=False),
    _field("formula", pa.string(), "Hill formula"),
    _field("mol_weight", pa.float64(), "average molecular weight, g/mol"),
    _field("duplicate", pa.bool_(), "an earlier row has the same identity key: never a candidate", nullable=False),
)

CANDIDATES = _schema(
    "candidates",
    _field("query_id", pa.string(), "spectrum that was searched with", nullable=False),
    _field("rank", pa.int32(), "1 is the best", nullable=False),
    _field("molecule_id", pa.string(), "molecule of the library; the query's own where it was added", nullable=False),
    _field("score", pa.float32(), "dot product of the embeddings", nullable=False),
    _field("smiles", pa.string(), "of the molecule", nullable=False),
)

RERANKED = _schema(
    "reranked",
    _field("query_id", pa.string(), "spectrum that was searched with", nullable=False),
    _field("rank", pa.int32(), "1 is the most probable", nullable=False),
    _field("search_rank", pa.int32(), "rank in the search", nullable=False),
    _field("molecule_id", pa.string(), "molecule of the library; the query's own where it was added", nullable=False),
    _field("probability", pa.float64(), "of the candidate, among those of its query and none of them", nullable=False),
    _field("confidence", pa.float64(), "how likely the first candidate of the query is the truth", nullable=False),
    _field("smiles", pa.string(), "of the molecule", nullable=False),
)

SEARCH_RANKS = _schema(
    "search_ranks",
    _field("query_id", pa.string(), "spectrum that was searched with", nullable=False),
    _field("search", pa.string(), "exact or approximate", nullable=False),
    _field("filter", pa.string(), "none, mass or formula", nullable=False),
    _field("rank", pa.int64(), "rank of the truth; null if it is not among the candidates kept"),
    _field("eligible", pa.int64(), "library molecules the truth was ranked among"),
)

SHIFT_LABELS = _schema(
    "shift_labels",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("first_block", pa.string(), "first block of the InChIKey", nullable=False),
    _field("atom", pa.list_(pa.int16()), "heavy atom, in the order of `smiles`: a carbon, or what bears the proton"),
    _field("nucleus", pa.list_(pa.int8()), "0 13C, 1 1H"),
    _field("solvent", pa.list_(pa.int8()), "solvent of the spectrum, see methods.shifts.solvents"),
    _field("shift_mppm", pa.list_(pa.int32()), "measured shift, thousandths of a ppm; one entry a spectrum and atom"),
)

PREDICTED_SHIFTS = _schema(
    "predicted_shifts",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("carbon_atom", pa.list_(pa.int16()), "indices of all carbons in the order of `smiles`, ascending"),
    _field("carbon_ppm", pa.list_(pa.float32()), "predicted 13C shift of each, ppm"),
    _field("carbon_scale", pa.list_(pa.float32()), "scale b of the Laplace distribution around it, ppm"),
    _field("proton_atom", pa.list_(pa.int16()), "heavy atoms that bear hydrogens, ascending"),
    _field("proton_ppm", pa.list_(pa.float32()), "predicted 1H shift of the protons on each, ppm"),
    _field("proton_scale", pa.list_(pa.float32()), "scale b of the Laplace distribution around it, ppm"),
)

ISOMER_SCORES = _schema(
    "isomer_scores",
    _field("query_id", pa.string(), "molecule of the query spectrum", nullable=False),
    _field("candidate_id", pa.string(), "molecule of the query's formula; one a pair of mirror images", nullable=False),
    _field("formula", pa.string(), "Hill formula", nullable=False),
    _field("score", pa.float64(), "higher is better", nullable=False),
    _field("truth", pa.bool_(), "the candidate is the query's molecule", nullable=False),
    _field("twin", pa.bool_(), "another stereoisomer of the query's molecule", nullable=False),
    _field("seen", pa.bool_(), "the model that scores was trained on the candidate", nullable=False),
)


MATCHING_SPECTRA = _schema(
    "matching_spectra",
    _field("molecule_id", pa.string(), "`source:native id`; one row a first block", nullable=False),
    _field("first_block", pa.string(), "first block of the InChIKey; the molecule's id if it has none", nullable=False),
    _field("smiles", pa.string(), "RDKit canonical isomeric SMILES", nullable=False),
    _field("formula", pa.string(), "Hill formula"),
    _field("heavy_atoms", pa.int32(), "number of heavy atoms"),
    _field("fingerprint", pa.binary(256), "Morgan fingerprint, radius 2, 2,048 bits, as numpy packs them"),
    _field("element", pa.list_(pa.int8()), "0 C, 1 N, 2 O, 3 other, of each heavy atom in the order of `smiles`"),
    _field("degree", pa.list_(pa.int8()), "number of bonds to heavy atoms"),
    _field("hydrogens", pa.list_(pa.int8()), "total number of attached hydrogens"),
    _field("implicit_valence", pa.list_(pa.int8()), "hydrogens that the SMILES leaves out"),
    _field("aromatic", pa.list_(pa.int8()), "1 aromatic, 0 not"),
    _field("bond_source", pa.list_(pa.int16()), "first atom of each bond (each bond once)"),
    _field("bond_target", pa.list_(pa.int16()), "second atom of each bond"),
    _field("proton_ppm", pa.list_(pa.float64()), "1H lines, ppm, ascending, distinct to 0.01 ppm"),
    _field("proton_area", pa.list_(pa.float64()), "protons behind each 1H line as far as the source lists them"),
    _field("carbon_ppm", pa.list_(pa.float64()), "13C lines, ppm, ascending, distinct to 0.01 ppm"),
    _field("carbon_area", pa.list_(pa.float64()), "carbons behind each 13C line as far as the source lists them"),
    _field("origin", pa.string(), "measured, simulated, or simulated from predicted shifts", nullable=False),
)

RENDERED = _schema(
    "rendered",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("proton_high", pa.list_(pa.float32()), "highest point of the 1H spectrum in each column, 0 to 1"),
    _field("proton_low", pa.list_(pa.float32()), "lowest point of the 1H spectrum in each column, 0 to 1"),
    _field("carbon_high", pa.list_(pa.float32()), "highest point of the 13C spectrum in each column, 0 to 1"),
    _field("carbon_low", pa.list_(pa.float32()), "lowest point of the 13C spectrum in each column, 0 to 1"),
)

PAIRS = _schema(
    "pairs",
    _field("pair_id", pa.string(), "unique: set, owner and candidate", nullable=False),
    _field("part", pa.string(), "train, val or test: both molecules are in it", nullable=False),
    _field("test_set", pa.string(), "true, near, uniform, diff, sim, isomer, or a listed set", nullable=False),
    _field("owner_id", pa.string(), "molecule whose spectra are shown", nullable=False),
    _field("candidate_id", pa.string(), "molecule they are compared with", nullable=False),
    _field("label", pa.bool_(), "the candidate is the owner", nullable=False),
    _field("tanimoto", pa.float32(), "similarity of owner and candidate (Morgan, radius 2, 2,048 bits)"),
    _field("same_formula", pa.bool_(), "owner and candidate are isomers"),
)

LISTED_PAIRS = _schema(
    "listed_pairs",
    _field("test_set", pa.string(), "listed_rand, listed_diff or listed_sim", nullable=False),
    _field("owner_id", pa.string(), "molecule whose spectra are shown, recovered from the lists", nullable=False),
    _field("candidate_id", pa.string(), "molecule they are compared with", nullable=False),
    _field("label", pa.bool_(), "the candidate is the owner", nullable=False),
)

PAIR_PREDICTIONS = _schema(
    "pair_predictions",
    _field("pair_id", pa.string(), "of the pairs table", nullable=False),
    _field("part", pa.string(), "val or test", nullable=False),
    _field("test_set", pa.string(), "true, near, uniform, diff, sim, isomer, or a listed set", nullable=False),
    _field("owner_id", pa.string(), "molecule whose spectra are shown", nullable=False),
    _field("candidate_id", pa.string(), "molecule they are compared with", nullable=False),
    _field("label", pa.bool_(), "the candidate is the owner", nullable=False),
    _field("logit", pa.float64(), "logit of the probability that they match; null if the model cannot score the pair"),
)

PAIR_SCORES = _schema(
    "pair_scores",
    _field("pair_id", pa.string(), "of the pairs table", nullable=False),
    _field("carbon", pa.float64(), "score by the 13C spectrum, higher is better; null if it cannot be scored"),
    _field("proton", pa.float64(), "score by the 1H spectrum, higher is better; null if it cannot be scored"),
)

PAIR_MAP = _schema(
    "pair_map",
    _field("pair_id", pa.string(), "of the pairs table", nullable=False),
    _field("label", pa.bool_(), "the candidate is the owner", nullable=False),
    _field("x", pa.float32(), "t-SNE of the input of the last layer"),
    _field("y", pa.float32(), "t-SNE of the input of the last layer"),
)


def embeddings_schema(width: int) -> pa.Schema:
    """Return the schema of a table of embeddings of `width` numbers."""
    return _schema(
        "embeddings",
        _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
        _field("embedding", pa.list_(pa.float32(), width), "projected embedding"),
    )


def queries_schema(width: int) -> pa.Schema:
    """Return the schema of spectra to search with, embedded as `width` numbers."""
    return _schema(
        "queries",
        _field("query_id", pa.string(), "unique in the table", nullable=False),
        _field("embedding", pa.list_(pa.float32(), width), "projected embedding of the spectrum", nullable=False),
        _field("formula", pa.string(), "Hill formula, for the formula filter; null if unknown"),
        _field("mol_weight", pa.float64(), "average molecular weight, g/mol, for the mass filter; null if unknown"),
        _field("smiles", pa.string(), "the truth; null if unknown"),
        _field("first_block", pa.string(), "first block of the truth's InChIKey"),
        _field("identity_key", pa.string(), "the truth's identity key"),
        _field("truth", pa.list_(pa.float32()), "projected embedding of the truth; null if unknown"),
    )


def vectors_schema(modalities: Sequence[str]) -> pa.Schema:
    """Return the schema of spectra as vectors: one row a molecule, a column of 600 numbers or null a modality."""
    # lists of variable size: pyarrow cannot read nulls among lists of a fixed size from Parquet
    columns = [
        _field(name, pa.list_(pa.float32()), f"{VECTOR_POINTS} numbers; null if not measured") for name in modalities
    ]
    return _schema("vectors", _field("molecule_id", pa.string(), "`source:native id`", nullable=False), *columns)


SCAFFOLD_MAP = _schema(
    "scaffold_map",
    _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
    _field("part", pa.string(), "train, val or test", nullable=False),
    _field("x", pa.float32(), "position on the plane, arbitrary unit"),
    _field("y", pa.float32(), "position on the plane, arbitrary unit"),
)


def group_probabilities_schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of predicted functional groups of spectra: one column a group."""
    columns = [_field(name, pa.float32(), "probability that the molecule has it") for name in names]
    return _schema(
        "group_probabilities", _field("molecule_id", pa.string(), "`source:native id`", nullable=False), *columns
    )


def group_predictions_schema(groups: int) -> pa.Schema:
    """Return the schema of predicted functional groups: a probability and the truth for each of `groups` groups."""
    return _schema(
        "group_predictions",
        _field("molecule_id", pa.string(), "`source:native id`", nullable=False),
        _field("part", pa.string(), "val or test", nullable=False),
        _field("probability", pa.list_(pa.float32(), groups), "of each group, in the order of settings.json"),
        _field("label", pa.list_(pa.bool_(), groups), "whether the molecule has it"),
    )


def table_name(schema: pa.Schema) -> str:
    """Return the name of a canonical schema."""
    return (schema.metadata or {}).get(b"spectraflow.table", b"table").decode()


def labels_schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of a label table: one nullable boolean column a label (null = unknown)."""
    columns = [_field(name, pa.bool_(), "present") for name in names]
    return _schema("labels", _field("molecule_id", pa.string(), "`source:native id`", nullable=False), *columns)


def _dictionary_columns(schema: pa.Schema) -> list[str]:
    """Return the Parquet columns worth a dictionary: numbers of vectors hardly repeat, it costs them time and space."""
    paths = []
    for field in schema:
        path, kind = field.name, field.type
        while pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
            path, kind = f"{path}.list.element", kind.value_type
        if kind != pa.float32():
            paths.append(path)
    return paths


class TableWriter:
    """Stream rows of one schema into a Parquet file that appears only when the block ends without an exception.

    `write` takes columns (a mapping of equally long lists) or an Arrow table; rows are buffered to whole
    row groups of 128k rows or 64 MiB, so memory is bounded by one group.
    """

    def __init__(self, path: Path, schema: pa.Schema, metadata: Mapping[str, str] | None = None) -> None:
        self.path = Path(path)
        stamp = {"spectraflow.version": __version__, **(metadata or {})}
        self.schema = schema.with_metadata({**(schema.metadata or {}), **stamp})
        self.rows = 0
        self._pending: list[pa.Table] = []
        self._pending_rows = self._pending_bytes = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            columns = _dictionary_columns(self.schema)
            self._writer = pq.ParquetWriter(
                temporary, self.schema, compression="zstd", use_dictionary=columns, write_page_checksum=True
            )
            stack.push(self._close)
            self._stack = stack.pop_all()
        return self

    def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._writer.close()

    def write(self, columns: Mapping[str, Sequence[Any]] | pa.Table) -> None:
        """Append rows; a mapping must hold every column of the schema."""
        table = columns if isinstance(columns, pa.Table) else pa.Table.from_pydict(dict(columns), schema=self.schema)
        table = table.cast(self.schema)
        self._pending.append(table)
        self._pending_rows += table.num_rows
        self._pending_bytes += table.nbytes
        self.rows += table.num_rows
        if self._pending_rows >= ROW_GROUP_ROWS or self._pending_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def write_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows given as mappings; missing keys become null."""
        self.write({name: [row.get(name) for row in rows] for name in self.schema.names})

    def _flush(self) -> None:
        if self._pending:
            self._writer.write_table(pa.concat_tables(self._pending), row_group_size=ROW_GROUP_ROWS)
            self._pending, self._pending_rows, self._pending_bytes = [], 0, 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def write_table(path: Path, schema: pa.Schema, columns: Mapping[str, Sequence[Any]] | pa.Table) -> None:
    """Write a whole table at once, atomically."""
    with TableWriter(path, schema) as writer:
        writer.write(columns)


@contextmanager
def named_faults(path: Path, kind: str = "Parquet file") -> Iterator[None]:
    """Turn what Arrow raises over a damaged file into UnreadableFileError, and a failed access into InputError."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
        raise UnreadableFileError(path, f"not a readable {kind} ({error})") from error


def _open(path: Path, schema: pa.Schema, columns: Sequence[str] | None) -> pq.ParquetFile:
    if not Path(path).exists():
        raise InputError(f"{path}: no such {table_name(schema)} table")
    with named_faults(path):
        file = pq.ParquetFile(path, page_checksum_verification=True)
    wanted = set(columns or schema.names)
    found = {field.name: field.type for field in file.schema_arrow}
    for field in schema:
        if field.name in wanted and field.name not in found:
            raise InputError(f"{path}: {table_name(schema)} table lacks the column '{field.name}'")
        if field.name in wanted and found[field.name] != field.type:
            raise InputError(f"{path}: column '{field.name}' is {found[field.name]}, expected {field.type}")
    return file


def read_table(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, checking names and types against `schema`; raises InputError naming file and column."""
    with _open(path, schema, columns) as file, named_faults(path):
        return file.read(columns=list(columns or schema.names))


def scan_table(
    path: Path,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    batch_rows: int = 8192,
    within: range | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield record batches of a table, or of its rows `within`, in order, holding one row group at a time."""
    with _open(path, schema, columns) as file:
        groups, skip = _row_groups(file, within)
        left = None if within is None else len(within)
        names = list(columns or schema.names)
        batches = file.iter_batches(batch_size=batch_rows, columns=names, row_groups=groups)
        while True:
            with named_faults(path):
                batch = next(batches, None)
            if batch is None:
                return
            batch, skip = batch.slice(skip), max(0, skip - len(batch))
            if left is not None:
                batch = batch.slice(0, left)
                left -= len(batch)
            if len(batch):
                yield batch
            if left == 0:
                return


def _row_groups(file: pq.ParquetFile, within: range | None) -> tuple[list[int], int]:
    """Return the row groups that hold the rows, and how many rows come before them in the first one."""
    if within is None:
        return list(range(file.num_row_groups)), 0
    groups: list[int] = []
    start = skip = 0
    for group in range(file.num_row_groups):
        stop = start + file.metadata.row_group(group).num_rows
        if start < within.stop and within.start < stop:
            skip = skip if groups else within.start - start
            groups.append(group)
        start = stop
    return groups, skip


def count_rows(path: Path) -> int:
    """Return the number of rows of a Parquet file from its footer."""
    with named_faults(path):
        return int(pq.read_metadata(path).num_rows)
