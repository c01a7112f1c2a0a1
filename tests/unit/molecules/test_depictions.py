import re
import xml.etree.ElementTree as ET

import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.molecules.depictions import INK, RIGHT_COLOUR, WRONG_COLOUR, draw_molecule, draw_subgraph


def discs(svg, colour):
    return [
        int(re.search(r"atom-(\d+)", node.get("class"))[1])
        for node in ET.fromstring(svg).iter()
        if node.tag.endswith("ellipse") and colour in node.get("style")
    ]


def test_atoms_are_coloured_by_right_and_wrong():
    svg = draw_molecule("CC(=O)Oc1ccccc1", {0: "21.1", 1: "169.5"}, {0: True, 1: False, 4: True})
    assert discs(svg, RIGHT_COLOUR) == [0, 4]
    assert discs(svg, WRONG_COLOUR) == [1]


def test_notes_are_drawn():
    plain, noted = draw_molecule("CCO"), draw_molecule("CCO", {0: "18.3", 1: "57.8"})
    assert noted.count("<path") > plain.count("<path")


def test_ink_is_one_colour_without_background():
    svg = draw_molecule("CCN(C)c1ccncc1Cl", {0: "12.0"})
    assert set(re.findall(r"#\w{6,8}\b", svg)) == {INK}
    assert "<rect" not in svg


def test_the_molecule_given_is_left_as_it_was():
    mol = Chem.MolFromSmiles("CCO")
    draw_molecule(mol, {0: "18.3"}, {0: True})
    assert not mol.GetAtomWithIdx(0).HasProp("atomNote")
    assert mol.GetNumConformers() == 0


def test_size_is_kept():
    root = ET.fromstring(draw_molecule("CCO", size=(300, 200)))
    assert root.get("viewBox") == "0 0 300 200"


@pytest.mark.parametrize(("smiles", "notes"), [("C1CC", {}), ("", {}), ("CC", {2: "x"}), ("CC", {-1: "x"})])
def test_bad_input_is_refused(smiles, notes):
    with pytest.raises(InputError, match=r"drawn|not in a molecule"):
        draw_molecule(smiles, notes)


def test_a_subgraph_is_marked_with_its_bonds():
    svg = draw_subgraph("CC(=O)Oc1ccccc1", [1, 2, 3])
    assert discs(svg, RIGHT_COLOUR) == [1, 2, 3]
    bands = {
        node.get("class")
        for node in ET.fromstring(svg).iter()
        if node.tag.endswith("path") and f"fill:{RIGHT_COLOUR}" in node.get("style", "")
    }
    assert bands == {"bond-1 atom-1 atom-2", "bond-2 atom-1 atom-3"}
    assert "<rect" not in svg


def test_a_subgraph_outside_the_molecule_is_refused():
    with pytest.raises(InputError, match=r"\[5\] are not in a molecule of 2"):
        draw_subgraph("CC", [1, 5])
