import pytest

from spectraflow.molecules.standardise import UnusableMolecule
from spectraflow.sources.structures import UnusableRecord, structure_row

ETHANOL, ETHANOL_KEY = "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3", "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"


def test_smiles_comes_before_inchi():
    assert structure_row("x:1", "CCN", ETHANOL, None)["smiles"] == "CCN"
    assert structure_row("x:1", None, ETHANOL, ETHANOL_KEY)["smiles"] == "CCO"


def test_only_the_first_block_of_an_inchikey_must_agree():
    assert structure_row("x:1", "CCO", None, "LFQSCWFLJHTTHZ-ZZZZZZZZZZ-N")["smiles"] == "CCO"
    with pytest.raises(UnusableRecord) as caught:
        structure_row("x:1", "CCN", None, ETHANOL_KEY)
    assert caught.value.reason == "structure_conflict"


@pytest.mark.parametrize("inchikey", [None, ETHANOL_KEY])
def test_an_inchikey_alone_is_no_structure(inchikey):
    with pytest.raises(UnusableRecord) as caught:
        structure_row("x:1", None, None, inchikey)
    assert caught.value.reason == "missing_structure"
    assert (ETHANOL_KEY in caught.value.message) == bool(inchikey)


@pytest.mark.parametrize(("smiles", "inchi"), [("C1CC", None), (None, "InChI=1S/rubbish"), ("[H][H]", None)])
def test_unreadable_structures_are_unusable_molecules(smiles, inchi):
    with pytest.raises(UnusableMolecule):
        structure_row("x:1", smiles, inchi, None)
