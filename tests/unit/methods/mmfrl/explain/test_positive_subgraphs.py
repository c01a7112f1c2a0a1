import numpy as np
import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.explain.dissection import Dissection
from spectraflow.methods.mmfrl.explain.positive_subgraphs import search
from spectraflow.methods.mmfrl.settings import SubgraphSettings

SETTINGS = SubgraphSettings(smallest=1)


def looks_for(smarts, calls=None):
    """A classifier that calls molecules with a group positive; `calls` gathers what it is asked."""
    pattern = Chem.MolFromSmarts(smarts)

    def score(smiles):
        if calls is not None:
            calls.append(list(smiles))
        return np.array([0.9 if Chem.MolFromSmiles(text).HasSubstructMatch(pattern) else 0.1 for text in smiles])

    return score


@pytest.mark.parametrize(
    ("smiles", "smarts", "expected"),
    [
        ("CC(=O)Oc1ccccc1C(=O)O", "C(=O)[OX2H1]", "O=CO"),
        ("CCN(CC)CCNC(=O)c1ccc(N)cc1", "C(=O)N", "NC=O"),
        ("CCN(CC)CCNC(=O)c1ccc(N)cc1", "c1ccccc1N", "Nc1ccccc1"),
        ("CCCCc1ccc2[nH]ccc2c1CC(=O)OC", "c1ccc2[nH]ccc2c1", "c1ccc2[nH]ccc2c1"),
        ("C[C@H](N)C(=O)NCc1ccncc1", "n", "c1ccncc1"),
    ],
)
def test_the_group_that_a_classifier_looks_for_is_found(smiles, smarts, expected):
    found = search(smiles, looks_for(smarts), SETTINGS).found
    assert found.smiles == expected
    assert found.probability == pytest.approx(0.9)


def test_what_is_found_is_minimal():
    scorer = looks_for("[OX2H1]C(=O)CC(=O)")
    smiles = "CCN(C)C(=O)CC(=O)OC.Cl".replace("OC", "O")
    found = search(smiles, scorer, SETTINGS).found
    dissection = Dissection(Chem.MolFromSmiles(smiles))
    rest = [text for atoms in dissection.cuts(found.atoms) if (text := dissection.smiles(atoms))]
    assert rest
    assert (scorer(rest) < 0.5).all()


def test_atoms_are_those_of_the_molecule():
    smiles = "OC(=O)CCCCN"
    found = search(smiles, looks_for("N"), SETTINGS).found
    assert found.atoms == {7}


def test_negative_molecules_are_not_searched():
    calls = []
    assert search("CCO", looks_for("N", calls), SETTINGS) is None
    assert calls == [["CCO"]]


def test_fragments_are_searched_apart():
    assert search("CCCC(=O)O.c1ccncc1", looks_for("n"), SETTINGS).found.smiles == "c1ccncc1"


def test_no_connected_part_is_positive():
    found = search("CN.CO", lambda smiles: np.array([0.9 if "." in text else 0.1 for text in smiles]), SETTINGS)
    assert found.found is None
    assert found.random_positive is None


def test_nothing_is_scored_twice_and_steps_are_scored_whole():
    calls = []
    search("CC(=O)Oc1ccccc1C(=O)O", looks_for("C(=O)[OX2H1]", calls), SETTINGS)
    asked = [text for call in calls[1:] for text in call]
    assert len(asked) == len(set(asked))
    steps = len(calls)
    assert len(asked) > 2 * steps


def test_relative_mode_follows_the_parent():
    """The probability falls with each atom lost: the threshold allows many steps, a share of the parent's few."""

    def by_size(smiles):
        return np.array([Chem.MolFromSmiles(text).GetNumAtoms() / 10 for text in smiles])

    absolute = search("CCCCCCCCCC", by_size, SETTINGS).found
    relative = search("CCCCCCCCCC", by_size, SubgraphSettings(smallest=1, kept=0.95)).found
    assert len(absolute.atoms) == 5
    assert len(relative.atoms) == 10, "9 of 10 atoms keep 0.9"


def test_smallest_ends_the_search():
    found = search("CCCCCCN", looks_for("N"), SubgraphSettings(smallest=4)).found
    assert len(found.atoms) == 4


def test_control_of_random_parts():
    carbons = search("CCCCCCCCN", looks_for("C"), SETTINGS)
    assert len(carbons.found.atoms) == 1
    assert carbons.random_positive > 0.5, "nearly any part has a carbon"
    nitrogen = search("CCCCCCCCN", looks_for("N"), SubgraphSettings(smallest=1, random=40))
    assert nitrogen.random_positive < 0.7
    whole = search("c1ccccc1", looks_for("c"), SETTINGS)
    assert whole.random_positive is None, "there is no other part"


def test_the_search_is_repeatable():
    one, other = (search("CC(=O)Oc1ccccc1C(=O)O", looks_for("C(=O)O"), SETTINGS, seed=3) for _ in range(2))
    assert one == other


def test_unreadable_smiles_are_named():
    with pytest.raises(InputError, match="C1CC"):
        search("C1CC", looks_for("C"), SETTINGS)
