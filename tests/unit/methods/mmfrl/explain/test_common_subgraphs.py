import numpy as np
import pytest
from rdkit import Chem

from spectraflow.methods.mmfrl.explain.common_subgraphs import clusters, common_subgraph, common_subgraphs, support
from spectraflow.methods.mmfrl.settings import SubgraphSettings

SETTINGS = SubgraphSettings()
ANILINES = ["Nc1ccccc1", "Nc1ccccc1C", "Nc1ccc(C)cc1"]
ACIDS = ["CCCCCCCC(=O)O", "CCCCCCCCC(=O)O"]


def test_alike_subgraphs_are_clustered():
    found = clusters([*ACIDS, *ANILINES], 0.65)
    assert found == [[2, 3, 4], [0, 1]]
    assert clusters(["CCO"], 0.4) == [[0]]
    assert clusters(["CCO", "CCO", "c1ccccc1"], 0.4) == [[0, 1], [2]]


def test_the_common_subgraph_keeps_rings_whole():
    smarts = common_subgraph(ANILINES, SETTINGS)
    pattern = Chem.MolFromSmarts(smarts)
    assert pattern.GetNumAtoms() == 7
    assert all(Chem.MolFromSmiles(text).HasSubstructMatch(pattern) for text in ANILINES)
    assert not Chem.MolFromSmiles("NC1CCCCC1").HasSubstructMatch(pattern)


@pytest.mark.parametrize("smiles", [["Nc1ccccc1"], ["CCO", "CCO"], ["c1ccccc1C", "C1CCCCC1C"]])
def test_too_little_in_common(smiles):
    assert common_subgraph(smiles, SETTINGS) is None


def test_an_atom_left_of_a_ring_matches_the_ring():
    """Parts end in a carbon where a ring was cut off; in the molecules it is one of the ring."""
    pattern = Chem.MolFromSmarts(common_subgraph(["CCNC(=O)CCO", "CCCNC(=O)CCO"], SETTINGS))
    assert pattern.GetNumAtoms() == 8
    assert Chem.MolFromSmiles("c1ccccc1CNC(=O)CCO").HasSubstructMatch(pattern)
    assert not Chem.MolFromSmiles("O=C1NCCCC1CO").HasSubstructMatch(pattern), "bonds of chains stay bonds of chains"


def test_a_share_of_the_cluster_is_enough():
    mostly = ["Nc1ccccc1"] * 4 + ["CCCCCCCN"]
    assert common_subgraph(mostly, SETTINGS) is not None
    assert common_subgraph(mostly, SubgraphSettings(common=1.0)) is None


def test_support_by_hand():
    """3 of 4 positives and 1 of 4 negatives hold it: odds ratio (3.5 * 3.5) / (1.5 * 1.5); Fisher's p is 0.486."""
    molecules = [Chem.MolFromSmiles(text) for text in ["CN", "CCN", "CCCN", "CO", "NCO", "CCO", "CC", "C"]]
    found = support("[#7]", molecules, np.array([True] * 4 + [False] * 4))
    assert (found["positives"], found["negatives"]) == (0.75, 0.25)
    assert found["odds_ratio"]["value"] == pytest.approx(12.25 / 2.25)
    assert found["odds_ratio"]["low"] < 1 < found["odds_ratio"]["high"]
    assert found["p"] == pytest.approx(34 / 70)


def test_support_without_negatives():
    found = support("[#7]", [Chem.MolFromSmiles("CN")], np.array([True]))
    assert found["negatives"] is None
    assert found["p"] == 1


def test_clusters_with_what_they_share():
    molecules = [text + "CCO" for text in ANILINES] + ["CCO", "CCCO", "CC(C)O", "CCCCO"]
    positive = np.array([True] * 3 + [False] * 4)
    rows, cluster_of = common_subgraphs([*ACIDS, *ANILINES], molecules, positive, SubgraphSettings(distance=0.65))
    by_cluster = {row["cluster"]: row for row in rows}
    anilines = by_cluster[cluster_of[2]]
    assert cluster_of[2] == cluster_of[3] == cluster_of[4] != cluster_of[0] == cluster_of[1]
    assert anilines["members"] == 3
    assert (anilines["positives"], anilines["negatives"]) == (1, 0)
    assert anilines["p"] == pytest.approx(1 / 35)
    # of two tests the smaller p doubles, the other one is 1
    assert anilines["p_adjusted"] == pytest.approx(2 / 35)
    assert by_cluster[cluster_of[0]]["p_adjusted"] == pytest.approx(1)


def test_no_subgraphs():
    assert common_subgraphs([], ["CC"], np.array([True]), SETTINGS) == ([], [])
