import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from spectraflow.errors import InputError
from spectraflow.splits.similarity import distances, morgan_fingerprints, nearest_train_tanimoto

ALCOHOLS = ["CCO", "CCCO", "CCCCO", "CCCCCO", "CC(C)O", "CC(C)CO"]
ARENES = ["c1ccccc1Cl", "c1ccccc1Br", "c1ccc(Cl)cc1Cl", "c1ccccc1I"]


def test_distances_are_those_of_tanimoto():
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    one, other = (generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in ("CCCO", "CCCCO"))
    expected = 1 - DataStructs.TanimotoSimilarity(one, other)
    assert distances(one, morgan_fingerprints(["CCCO", "CCCCO"])).tolist() == pytest.approx([0, expected])
    assert 0 < expected < 1


def test_scaffolds_without_kekule_structure_are_read_and_others_named():
    assert morgan_fingerprints(["c1cccn1"])[0].GetNumOnBits() > 0
    with pytest.raises(InputError, match=r"'C1CC\(' cannot be read"):
        morgan_fingerprints(["CC", "C1CC("])


def test_nearest_of_a_split_by_class_is_farther_than_of_a_random_one():
    smiles = ALCOHOLS * 3 + ARENES
    blocks = [f"B{i}" for i in range(len(smiles))]
    parts = ["train"] * 16 + ["val"] * 2 + ["test"] * 4
    found = nearest_train_tanimoto(smiles, blocks, parts, seed=0)
    train = morgan_fingerprints(smiles[:16])
    expected = np.mean([1 - distances(one, train).min() for one in morgan_fingerprints(ARENES)])
    assert found["split"] == pytest.approx(expected)
    assert found["random"] > found["split"] + 0.2
    assert found["molecules"] == 4
    assert nearest_train_tanimoto(smiles, blocks, parts, seed=0, sampled=2)["molecules"] == 2
    assert found == nearest_train_tanimoto(smiles, blocks, parts, seed=0)


def test_random_split_keeps_first_blocks_together():
    # every molecule twice, under one first block: a split by rows would find nearly every test molecule in train
    smiles = [text for text in ALCOHOLS + ARENES for _ in range(2)]
    blocks = [f"B{i // 2}" for i in range(20)]
    parts = ["train"] * 10 + ["test"] * 10
    assert all(nearest_train_tanimoto(smiles, blocks, parts, seed)["random"] < 1 for seed in range(10))
