import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.tokens import (
    build_tokens,
    modality_of_markers,
    read_texts,
    token_batch,
)
from spectraflow.tables import PEAKS, TableWriter, vectors_schema


def peak_row(molecule, technique, position, **more):
    row = {"molecule_id": molecule, "spectrum_id": f"{molecule}/{technique}", "technique": technique}
    return {**row, "position": position, "origin": "simulated", **more}


ROWS = [
    peak_row("b", "13C", [10.0]),
    peak_row("a", "MSMSpos_40", [15.0], intensity=[7.0]),
    peak_row("a", "1H", [3.3], multiplicity=["t"], hydrogens=[3.0], couplings=["7.1_7.1_"]),
    peak_row("elsewhere", "13C", [77.0]),
    peak_row("a", "13C", [20.04, 128.5]),
    peak_row("a", "MSMSpos_10", [31.0, 15.0], intensity=[50.0, 100.0]),
    peak_row("a", "MSMSneg_10", [99.0], intensity=[1.0]),
]


@pytest.fixture
def tables(tmp_path):
    def write(rows):
        with TableWriter(tmp_path / "peaks.parquet", PEAKS) as writer:
            writer.write_rows(rows)
        with TableWriter(tmp_path / "vectors.parquet", vectors_schema(["IR", "13C"])) as writer:
            ramp = np.linspace(0, 1, 600, dtype=np.float32)
            writer.write_rows(
                [{"molecule_id": "b", "IR": ramp}, {"molecule_id": "a"}, {"molecule_id": "x", "IR": ramp}]
            )
        return tmp_path / "peaks.parquet", tmp_path / "vectors.parquet"

    return write


def sentence(tokens, vocabulary, row):
    return " ".join(vocabulary[token] for token in tokens.take(torch.tensor([row]))[0].tolist())


def test_text_follows_molecules_and_modalities(tables):
    tokens, vocabulary = build_tokens(*tables(ROWS), ["a", "b", "none"], ["13C_max", "MSMSpos", "1H"], [0, 1])
    assert sentence(tokens, vocabulary, 0) == (
        "<13C> 128.5 20.0 <MSMSpos_10> 15.0 100.0 31.0 50.0 <MSMSpos_40> 15.0 100.0 <1H> 3.30 t 3H J 7.10 7.10 |"
    )
    assert sentence(tokens, vocabulary, 1) == "<13C> 10.0"
    assert tokens.counts.tolist()[2] == 0
    assert tokens.values.dtype == torch.int64
    assert vocabulary[:2] == ["<pad>", "<unk>"]
    assert len(vocabulary) == len(set(vocabulary))


def test_words_of_other_than_training_rows_are_unknown(tables):
    paths = tables(ROWS)
    tokens, vocabulary = build_tokens(*paths, ["a", "b"], ["13C"], [1])
    assert vocabulary == ["<pad>", "<unk>", "<13C>", "10.0"]
    assert sentence(tokens, vocabulary, 0) == "<13C> <unk> <unk>"
    again = read_texts(*paths, ["b", "a"], ["13C"]).encode(vocabulary)
    assert sentence(again, vocabulary, 0) == "<13C> 10.0"


def test_infrared_comes_from_vectors(tables):
    tokens, vocabulary = build_tokens(*tables(ROWS), ["a", "b"], ["IR", "13C"], [0, 1])
    assert sentence(tokens, vocabulary, 0) == "<13C> 128.5 20.0"
    said = sentence(tokens, vocabulary, 1).split()
    assert said[:2] == ["<IR>", "0"]
    assert said[400:] == ["100", "<13C>", "10.0"]


def test_peaks_are_not_needed_for_infrared_alone(tables, tmp_path):
    _, vectors = tables(ROWS)
    tokens, _ = build_tokens(tmp_path / "absent.parquet", vectors, ["b"], ["IR"], [0])
    assert tokens.counts.tolist() == [401]


def test_mass_spectra_are_cut_to_the_limit(tables):
    tokens, vocabulary = build_tokens(*tables(ROWS), ["a"], ["MSMSpos"], [0], limit=1)
    assert sentence(tokens, vocabulary, 0) == "<MSMSpos_10> 15.0 100.0 <MSMSpos_40> 15.0 100.0"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (peak_row("b", "13C", [1.0]), "b has more than one 13C spectrum"),
        (peak_row("c", "13C", [float("nan")]), "c, 13C: a number is not finite"),
    ],
)
def test_faulty_records_are_named(tables, row, message):
    with pytest.raises(InputError, match=message):
        build_tokens(*tables([*ROWS, row]), ["a", "b", "c"], ["13C"], [0])


def test_batches_are_padded(tables):
    tokens, _ = build_tokens(*tables(ROWS), ["a", "b", "none"], ["13C"], [0, 1])
    padded = token_batch(tokens, torch.tensor([1, 0, 2]))
    assert padded.shape == (3, 3)
    assert (padded > 0).sum(1).tolist() == [2, 3, 0]
    assert token_batch(tokens, torch.tensor([2])).tolist() == [[0]]


def test_markers_open_modalities():
    vocabulary = ["<pad>", "<unk>", "<13C>", "<MSMSpos_10>", "<MSMSpos_40>", "<1H>", "5.0", "t"]
    assert modality_of_markers(vocabulary, ["MSMSpos", "1H_wide", None]) == [-1, -1, -1, 0, 0, 1, -1, -1]
    assert modality_of_markers(vocabulary, ["1H", "13C_max", "13C"]) == [-1, -1, 1, -1, -1, 0, -1, -1]
