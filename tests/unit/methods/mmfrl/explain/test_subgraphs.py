import xml.etree.ElementTree as ET

import numpy as np
import pytest
from rdkit import Chem

from spectraflow.methods.mmfrl.explain.subgraphs import PredictedMolecules, draw_subgraphs, positive_subgraphs
from spectraflow.methods.mmfrl.settings import SubgraphSettings

SETTINGS = SubgraphSettings(smallest=1)
ANILINE = Chem.MolFromSmarts("Nc1ccccc1")
SMILES = ["CCNc1ccccc1", "CCCNc1ccccc1", "CCOCNc1ccccc1", "CCCCNc1ccccc1", "CCO", "CCCO", "CCCCO"]


def score(smiles):
    return np.array([0.8 if Chem.MolFromSmiles(text).HasSubstructMatch(ANILINE) else 0.2 for text in smiles])


@pytest.fixture
def molecules():
    """Four anilines, of which one was not measured, and three alcohols."""
    measured = np.array([1, 1, 1, np.nan, 0, 0, 0])
    return PredictedMolecules([f"moleculenet_bace:{n}" for n in range(7)], SMILES, measured, score(SMILES))


def test_rows_and_summary(molecules):
    rows, summary = positive_subgraphs(molecules, score, SETTINGS)
    assert [row["subgraph"] for row in rows] == ["Nc1ccccc1"] * 4
    assert [row["measured"] for row in rows] == [1, 1, 1, None]
    for row in rows:
        assert len(row["atoms"]) == 7
        assert Chem.MolFromSmiles(row["smiles"]).GetAtomWithIdx(row["atoms"][0]).GetSymbol() == "N"
    assert [summary[name] for name in ("molecules", "predicted_positive", "searched", "found", "whole")] == [
        7,
        4,
        4,
        4,
        0,
    ]
    assert summary["kept_share"]["value"] == pytest.approx(np.mean([7 / 9, 7 / 10, 7 / 11, 7 / 11]))
    assert summary["random_positive"]["n"] == 4
    (common,) = summary["common"]
    assert (common["members"], common["positives"], common["negatives"]) == (4, 1, 0)
    assert {row["cluster"] for row in rows} == {common["cluster"]}


def test_no_more_are_searched_than_asked_for(molecules):
    rows, summary = positive_subgraphs(molecules, score, SubgraphSettings(smallest=1, molecules=2), seed=1)
    assert len(rows) == summary["searched"] == 2
    assert summary["predicted_positive"] == 4
    again, _ = positive_subgraphs(molecules, score, SubgraphSettings(smallest=1, molecules=2), seed=1)
    assert rows == again


def test_nothing_predicted_positive():
    molecules = PredictedMolecules(["a"], ["CCO"], np.array([1.0]), np.array([0.2]))
    rows, summary = positive_subgraphs(molecules, score, SETTINGS)
    assert rows == []
    assert summary["common"] == []
    assert summary["kept_share"] == {"value": None, "low": None, "high": None, "n": 0}


def test_drawings(molecules, tmp_path):
    rows, _ = positive_subgraphs(molecules, score, SETTINGS)
    paths = draw_subgraphs(rows, tmp_path / "drawings", 2)
    assert [path.name for path in paths] == ["moleculenet_bace-0.svg", "moleculenet_bace-1.svg"]
    assert sorted((tmp_path / "drawings").iterdir()) == paths
    assert ET.fromstring(paths[0].read_text()).tag.endswith("svg")
