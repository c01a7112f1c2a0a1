import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.molecules.standardise import molecule_row
from spectraflow.retrieval.candidates import first_block_codes, read_candidates
from spectraflow.tables import MOLECULES, TableWriter


@pytest.fixture
def acids(tmp_path):
    """Twelve acids and their doubles: the second half repeats the first in another SMILES."""
    smiles = [f"{'C' * n}C(=O)O" for n in range(1, 13)] + [f"OC(=O){'C' * n}" for n in range(1, 13)]
    path = tmp_path / "molecules.parquet"
    with TableWriter(path, MOLECULES) as writer:
        writer.write_rows([molecule_row(Chem.MolFromSmiles(s), f"lib:{i}") for i, s in enumerate(smiles)])
    return path


def test_duplicates_and_training_molecules_cannot_be_drawn(acids):
    acetic = Chem.MolToInchiKey(Chem.MolFromSmiles("CC(=O)O")).split("-")[0]
    found = read_candidates([f"lib:{i}" for i in range(24)], acids, {acetic})
    assert len(found) == 24
    assert found.usable.tolist() == [False] + [True] * 11 + [False] * 12
    assert found.removed == {"duplicates": 12, "training_molecules": 1}


def test_candidates_follow_the_order_asked_for(acids):
    found = read_candidates(["lib:5", "lib:0"], acids, set())
    assert found.carbons.tolist() == [7, 2]


def test_a_candidate_that_the_library_lacks_is_named(acids):
    with pytest.raises(InputError, match="lacks lib:99 and 1 more"):
        read_candidates(["lib:0", "lib:99", "lib:98"], acids, set())


def test_first_blocks_share_one_numbering():
    one, two = first_block_codes(["A", "B"], ["B", "C", "A"])
    assert two.tolist() == [one[1], 2, one[0]]
