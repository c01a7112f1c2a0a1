import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.tables import ALIGNMENT, SPLITS, TableWriter

SMILES = {"a": "CC(C)=O", "b": "OCC", "c": "C"}
ROWS = {
    "b": ([1, 2], [57_800, 18_100], [2, 3]),
    "c": ([0], [-2_300], [3]),
    "a": ([0, 1, 2], [30_600, 206_300, 30_600], [3, 0, 3]),
}


@pytest.fixture
def files(tmp_path, graphs_table):
    with TableWriter(tmp_path / "alignment.parquet", ALIGNMENT) as writer:
        writer.write_rows(
            [
                {
                    "molecule_id": name,
                    "spectrum_id": f"{name}/13C/0",
                    "first_block": name.upper(),
                    "carbon_atom": atoms,
                    "shift_mppm": mppm,
                    "multiplicity": classes,
                }
                for name, (atoms, mppm, classes) in ROWS.items()
            ]
        )
    return tmp_path / "alignment.parquet", graphs_table(SMILES)


def test_molecules_are_in_the_order_of_the_table_not_of_the_graphs(files):
    alignment = Alignment.read(*files)
    assert alignment.molecule_ids == list("bca")
    assert alignment.first_blocks == list("BCA")
    assert len(alignment) == 3


def test_carbons_come_with_the_hydrogens_of_their_own_atoms(files):
    alignment = Alignment.read(*files)
    for row, hydrogens in enumerate([[2, 3], [4], [3, 0, 3]]):
        carbons = alignment.carbons_of(row)
        atoms, mppm, classes = ROWS[alignment.molecule_ids[row]]
        assert carbons.atom.tolist() == atoms
        assert carbons.mppm.tolist() == mppm
        assert carbons.multiplicity.tolist() == classes
        assert carbons.hydrogens.tolist() == hydrogens


def test_a_spectrum_is_ascending_and_repeats_equivalent_carbons(files):
    alignment = Alignment.read(*files)
    np.testing.assert_allclose(alignment.spectrum(0), [18.1, 57.8])
    np.testing.assert_allclose(alignment.spectrum(1), [-2.3])
    np.testing.assert_allclose(alignment.spectrum(2), [30.6, 30.6, 206.3])


def test_rows_of_a_part_are_those_of_the_table_whatever_the_order_of_the_split(files, tmp_path):
    with TableWriter(tmp_path / "split.parquet", SPLITS) as writer:
        parts = {"a": "test", "gone": "test", "c": "train", "b": "test"}
        writer.write_rows([{"molecule_id": name, "part": part} for name, part in parts.items()])
    alignment = Alignment.read(*files)
    assert alignment.rows_of(tmp_path / "split.parquet", "test").tolist() == [0, 2]
    assert alignment.rows_of(tmp_path / "split.parquet", "train").tolist() == [1]
    none = alignment.rows_of(tmp_path / "split.parquet", "val")
    assert len(none) == 0
    assert none.dtype.is_floating_point is False


def test_a_molecule_without_graph_is_an_error(files, graphs_table):
    with pytest.raises(InputError, match="no graph for c"):
        Alignment.read(files[0], graphs_table({"a": "CC(C)=O", "b": "OCC"}))
