import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.imbalance import SyntheticSamples
from spectraflow.store.ragged import Ragged
from spectraflow.tables import SPLITS, labels_schema, vectors_schema
from tests.unit.conftest import write_rows

ZEROS = [0.0] * 600


def spectrum(value: float) -> list[float]:
    return [value, *ZEROS[1:]]


@pytest.fixture
def tables(tmp_path):
    """Five molecules: a and b complete, c without IR, d without 13C, e without either; b's second label is unknown."""
    values = {"a": (1.0, 10.0), "b": (2.0, 20.0), "c": (None, 30.0), "d": (4.0, None), "e": (None, None)}
    rows = [
        {"molecule_id": name, "IR": None if ir is None else spectrum(ir), "13C": None if c is None else spectrum(c)}
        for name, (ir, c) in values.items()
    ]
    labels = {"a": (True, False), "b": (True, None), "c": (False, True), "d": (True, True), "e": (True, True)}
    known = [{"molecule_id": name, "Amine": one, "Ether": two} for name, (one, two) in reversed(labels.items())]
    return (
        write_rows(tmp_path / "vectors.parquet", vectors_schema(["IR", "13C"]), rows),
        write_rows(tmp_path / "labels.parquet", labels_schema(["Amine", "Ether"]), known),
    )


def of(count: int, tokens: bool = False) -> SpectraStore:
    """Return molecules whose spectra are their row number."""
    values = torch.arange(count, dtype=torch.float32)[:, None, None].expand(-1, 1, 600).clone()
    ones = torch.ones(count, dtype=torch.bool)
    text = Ragged(torch.arange(count) + 1, torch.arange(count + 1)) if tokens else None
    labels = torch.arange(count, dtype=torch.float32)[:, None] % 2
    ids = [f"m{row}" for row in range(count)]
    return SpectraStore(ids, ["IR"], ["Amine"], values, ones[:, None], ones, labels, torch.arange(count), text)


def write_split(path, parts):
    return write_rows(path, SPLITS, [{"molecule_id": name, "part": part} for name, part in parts.items()])


def test_molecules_with_known_labels_and_a_spectrum_are_read(tables):
    store = SpectraStore.read(*tables, ["13C", "IR"])
    assert store.molecule_ids == ["a", "c", "d"]
    assert store.names == ["Amine", "Ether"]
    assert store.vectors[:, :, 0].tolist() == [[10, 1], [30, 0], [0, 4]]
    assert not store.vectors[~store.present].any()
    assert store.present.tolist() == [[True, True], [True, False], [False, True]]
    assert store.labels.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert store.complete.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("modalities", "required", "ids", "complete"),
    [
        (["IR"], None, ["a", "d"], [True, True]),
        (["IR"], ["IR", "13C"], ["a", "d"], [True, False]),
        (["IR", "13C"], ["13C"], ["a", "c", "d"], [True, True, False]),
        (["IR", "13C"], [], ["a", "c", "d"], [True, True, True]),
    ],
)
def test_required_spectra_need_not_be_those_that_are_read(tables, modalities, required, ids, complete):
    store = SpectraStore.read(*tables, modalities, required)
    assert store.molecule_ids == ids
    assert store.vectors.shape == (len(ids), len(modalities), 600)
    assert store.complete.tolist() == complete


def test_without_labels_all_molecules_are_read(tables):
    store = SpectraStore.read(tables[0], None, ["IR"])
    assert store.molecule_ids == ["a", "b", "d"]
    assert store.labels.shape == (3, 0)


def test_many_rows_are_read_as_few(tmp_path, monkeypatch):
    rows = [{"molecule_id": f"{n}", "IR": None if n % 3 == 0 else spectrum(n)} for n in range(5000)]
    path = write_rows(tmp_path / "v.parquet", vectors_schema(["IR"]), rows)
    store = SpectraStore.read(path, None, ["IR"])
    assert store.vectors[:, 0, 0].tolist() == [n for n in range(5000) if n % 3]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0], "IR of b holds 2 numbers, not 600"),
        ([], "IR of b holds 0 numbers"),
        (spectrum(float("nan")), "IR of b holds a value that is not a finite number"),
        ([None, *ZEROS[1:]], "IR of b holds a value that is not"),
    ],
)
def test_vectors_that_are_not_600_numbers_are_named(tmp_path, values, message):
    rows = [{"molecule_id": name, "IR": v} for name, v in (("a", None), ("c", ZEROS), ("b", values))]
    path = write_rows(tmp_path / "v.parquet", vectors_schema(["IR"]), rows)
    with pytest.raises(InputError, match=rf"v\.parquet: {message}"):
        SpectraStore.read(path, None, ["IR"])


def test_a_missing_column_or_table_or_no_molecule_is_an_error(tables, tmp_path):
    vectors, labels = tables
    with pytest.raises(InputError, match="1H"):
        SpectraStore.read(vectors, labels, ["1H"])
    pq.write_table(pa.table({"molecule_id": ["z"], "Amine": [True]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="none of 5 molecules has IR or 13C and labels"):
        SpectraStore.read(vectors, tmp_path / "other.parquet", ["IR", "13C"])
    (tmp_path / "text").write_text("no table")
    with pytest.raises(InputError, match="not a readable labels table"):
        SpectraStore.read(vectors, tmp_path / "text", ["IR"])


def test_parts_are_rows_of_the_store_in_order(tmp_path):
    split = write_split(tmp_path / "s", {"m2": "test", "x": "train", "m0": "train", "m3": "train", "m1": "val"})
    parts = of(4).rows_of(split)
    assert {name: rows.tolist() for name, rows in parts.items()} == {"train": [0, 3], "val": [1], "test": [2]}


def test_molecules_that_no_part_has_are_an_error(tmp_path):
    split = write_split(tmp_path / "s", {"m0": "train", "m2": "test"})
    with pytest.raises(InputError, match="2 molecules with spectra are not in the split, such as m1"):
        of(4).rows_of(split)


def test_batches():
    batch = of(6, tokens=True).batch(torch.tensor([4, 1]), epoch=3)
    assert batch.vectors[:, 0, 0].tolist() == [4, 1]
    assert batch.labels[:, 0].tolist() == [0, 1]
    assert batch.rows.tolist() == [4, 1]
    assert batch.tokens.tolist() == [[5], [2]]
    assert batch.epoch == 3


def test_the_control_exchanges_spectra_inside_each_part_and_keeps_labels():
    store, parts = of(60, tokens=True), [torch.arange(40), torch.arange(40, 55)]
    control = store.permuted(parts, seed=1)
    assert torch.equal(control.labels, store.labels)
    for rows in parts:
        assert sorted(control.source[rows].tolist()) == rows.tolist()
        assert (control.source[rows] != rows).float().mean() > 0.8
        batch = control.batch(rows)
        assert torch.equal(batch.vectors[:, 0, 0].long(), control.source[rows])
        assert torch.equal(batch.tokens[:, 0] - 1, control.source[rows]), "text goes with the spectrum"
        assert torch.equal(batch.labels, store.labels[rows])
        assert torch.equal(batch.rows, rows)
    assert torch.equal(control.source[55:], torch.arange(55, 60))
    assert torch.equal(store.permuted(parts, seed=1).source, control.source)
    assert not torch.equal(store.permuted(parts, seed=2).source, control.source)


def test_synthetic_molecules_follow_the_measured_ones():
    vectors = np.full((2, 1, 600), [[[7.0]], [[8.0]]], dtype=np.float32)
    samples = SyntheticSamples(vectors, np.array([[True], [False]]), np.array([[True], [False]]))
    store = of(3).extended(samples)
    assert len(store) == 5
    assert store.molecule_ids == ["m0", "m1", "m2", "synthetic:0", "synthetic:1"]
    batch = store.batch(torch.tensor([3, 0, 4]))
    assert batch.vectors[:, 0, 0].tolist() == [7, 0, 8]
    assert batch.labels[:, 0].tolist() == [1, 0, 0]
    assert batch.present[:, 0].tolist() == [True, True, False]
    assert store.complete.tolist() == [True, True, True, True, False]
