import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.molecules.standardise import molecule_row
from spectraflow.splits.given_parts import given_parts
from spectraflow.tables import MOLECULES, SPLITS
from tests.unit.conftest import write_rows

ETHANOL, FLUOROETHANOL, ALANINAMIDE = "LFQSCWFLJHTTHZ", "GGDYAKVUZMZKRV", "HQMLIDZJXVVKCW"
SMILES = {
    "x:1": "CCO",
    "x:2": "OCCF",
    "x:3": "C[C@H](N)C(N)=O",
    "x:4": "C[C@@H](N)C(N)=O",
    "x:5": "CCC",
}


@pytest.fixture
def run(tmp_path):
    """Return the parts of first blocks that a splits table, `id -> part`, gives."""

    def run(parts, without_key=()):
        rows = [molecule_row(Chem.MolFromSmiles(text), name) for name, text in SMILES.items()]
        rows = [{**row, "inchikey": None} if row["molecule_id"] in without_key else row for row in rows]
        molecules = write_rows(tmp_path / "molecules.parquet", MOLECULES, rows)
        named = [{"molecule_id": name, "part": part} for name, part in parts.items()]
        return given_parts(write_rows(tmp_path / "given.parquet", SPLITS, named), molecules)

    return run


def test_parts_are_those_of_constitutions_in_any_order_of_rows(run):
    parts = {"x:4": "test", "x:1": "train", "x:2": "val", "x:3": "test"}
    assert run(parts) == {ETHANOL: "train", FLUOROETHANOL: "val", ALANINAMIDE: "test"}


def test_a_molecule_without_an_inchikey_stands_for_itself(run):
    assert run({"x:1": "val", "x:3": "test"}, without_key=("x:1",)) == {"x:1": "val", ALANINAMIDE: "test"}


def test_stereoisomers_in_two_parts_are_named(run):
    with pytest.raises(InputError, match=r"given\.parquet: the first block of x:4 is in train and in test"):
        run({"x:1": "test", "x:3": "train", "x:4": "test"})


def test_an_unknown_molecule_is_named(run):
    with pytest.raises(InputError, match=r"given\.parquet: x:99 of its molecules are not in .*molecules\.parquet"):
        run({"x:1": "train", "x:99": "test"})
