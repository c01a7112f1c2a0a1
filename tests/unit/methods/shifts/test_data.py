import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spectraflow.errors import InputError
from spectraflow.methods.shifts.data import ShiftStore, training_parts
from spectraflow.store.closed_walks import closed_walks
from spectraflow.tables import ALIGNMENT, SPLITS, TableWriter

SMILES = {"a": "CCO", "b": "C1CC1N", "c": "c1ccccc1C", "d": "N#CC"}
LABELS = {
    "a": [(0, 0, 0, 18_000), (1, 0, 1, 58_000), (2, 1, 0, 2_600)],
    "b": [(3, 1, 2, 1_500)],
    "c": [(6, 0, 0, 21_400), (6, 1, 0, 2_340)],
    "d": [(1, 0, 0, 116_400), (2, 0, 0, 1_900)],
}


@pytest.fixture
def store(labels_table, graphs_table):
    """The molecules in another order than that of their graphs, and their labels."""
    labels = labels_table({name: LABELS[name] for name in "cadb"})
    return ShiftStore.read(labels, graphs_table(SMILES))


def test_labels_of_a_batch_point_at_their_own_molecules_atoms(store):
    assert store.molecule_ids == list("cadb")
    batch = store.batch(torch.tensor([3, 0, 1, 0]))
    assert batch.graph.atom_counts.tolist() == [4, 7, 3, 7]
    elements, hydrogens = batch.graph.atoms[batch.atom][:, [0, 3]].unbind(1)
    assert elements.tolist() == [7, 6, 6, 6, 6, 8, 6, 6]
    assert hydrogens.tolist() == [2, 3, 3, 3, 2, 1, 3, 3]
    assert batch.graph.segment[batch.atom].tolist() == [0, 1, 1, 2, 2, 2, 3, 3]
    assert batch.nucleus.tolist() == [1, 0, 1, 0, 0, 1, 0, 1]
    assert batch.solvent.tolist() == [2, 0, 0, 0, 1, 0, 0, 0]
    torch.testing.assert_close(batch.ppm, torch.tensor([1.5, 21.4, 2.34, 18.0, 58.0, 2.6, 21.4, 2.34]))


def test_stored_closed_walks_are_those_of_the_batch(store):
    for rows in ([0, 1, 2, 3], [3, 2, 0], [1], [3, 3]):
        batch = store.batch(torch.tensor(rows))
        fresh = closed_walks(batch.graph)
        torch.testing.assert_close(batch.walks.atoms, fresh.atoms)
        torch.testing.assert_close(batch.walks.bonds, fresh.bonds)


def test_a_labelled_molecule_without_graph_is_an_error(labels_table, graphs_table):
    with pytest.raises(InputError, match="no graph for z"):
        ShiftStore.read(labels_table({"z": LABELS["a"]}), graphs_table(SMILES))


class Listed:
    """A store as far as its parts need it."""

    def __init__(self, blocks):
        self.molecule_ids, self.first_blocks = list(blocks), list(blocks.values())


def write_tables(folder, split, blocks, external=()):
    """Write a split, the alignment of its molecules and that of the external ones."""
    with TableWriter(folder / "split.parquet", SPLITS) as writer:
        writer.write_rows([{"molecule_id": name, "part": part} for name, part in split.items()])
    for table, names in (("alignment", split), ("external", external)):
        with TableWriter(folder / f"{table}.parquet", ALIGNMENT) as writer:
            writer.write_rows([{"molecule_id": n, "spectrum_id": n, "first_block": blocks[n]} for n in names])
    return folder / "alignment.parquet", folder / "split.parquet", [folder / "external.parquet"]


def parts_of(blocks, files, *, all_records):
    parts = training_parts(Listed(blocks), *files, all_records=all_records)
    names = list(blocks)
    return {part: "".join(names[row] for row in rows.tolist()) for part, rows in parts.items()}


BLOCKS = {"a": "A", "b": "B", "c": "C", "d": "D", "e": "A", "f": "C", "g": "D", "h": "H", "i": "I", "j": "I"}
SPLIT = {"a": "train", "b": "train", "c": "val", "d": "test"}


def test_train_shares_no_first_block_with_what_is_held_out(tmp_path):
    files = write_tables(tmp_path, SPLIT, BLOCKS, external="i")
    assert parts_of(BLOCKS, files, all_records=True) == {"train": "abeh", "val": "c", "test": "d", "external": "i"}
    assert parts_of(BLOCKS, files, all_records=False) == {"train": "ab", "val": "c", "test": "d", "external": "i"}


def test_external_molecules_are_taken_out_of_their_part(tmp_path):
    files = write_tables(tmp_path, SPLIT, BLOCKS, external="bc")
    assert parts_of(BLOCKS, files, all_records=False) == {"train": "a", "test": "d", "external": "bc"}


def test_a_held_out_molecule_without_shifts_still_guards_its_first_block(tmp_path):
    files = write_tables(tmp_path, {**SPLIT, "x": "test"}, {**BLOCKS, "x": "H"})
    assert parts_of(BLOCKS, files, all_records=True)["train"] == "abeij"


@pytest.mark.parametrize(
    "split",
    [{"a": "train", "b": "train", "c": "val"}, {"a": "test", "b": "val", "c": "val"}, {"a": "train", "e": "test"}],
)
def test_nothing_to_train_or_to_test_on_is_an_error(tmp_path, split):
    with pytest.raises(InputError, match="left to train on, or to test on"):
        parts_of(BLOCKS, write_tables(tmp_path, split, BLOCKS), all_records=False)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_parts_never_overlap_nor_share_first_blocks_with_train(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("parts")
    names = [f"m{n}" for n in range(12)]
    blocks = {name: data.draw(st.sampled_from("PQRSTU"), label=name) for name in names}
    split = {name: data.draw(st.sampled_from(["train", "val", "test"])) for name in names[:7]}
    outside = data.draw(st.sets(st.sampled_from(names), max_size=3))
    files = write_tables(folder, split, blocks, outside)
    try:
        parts = training_parts(Listed(blocks), *files, all_records=data.draw(st.booleans()))
    except InputError:
        return
    rows = torch.cat(list(parts.values())).tolist()
    assert len(rows) == len(set(rows))
    held = {blocks[names[row]] for part in parts if part != "train" for row in parts[part].tolist()}
    assert held.isdisjoint(blocks[names[row]] for row in parts["train"].tolist())
