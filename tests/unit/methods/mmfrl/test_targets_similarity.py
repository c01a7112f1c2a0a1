import numpy as np
import pytest
import torch
from rdkit import DataStructs

from spectraflow.methods.mmfrl.relational_loss import target_rows
from spectraflow.methods.mmfrl.targets_similarity import cosine, peak_similarity, tanimoto
from spectraflow.splits.similarity import morgan_fingerprints


def test_tanimoto_is_rdkits():
    fingerprints = morgan_fingerprints(["CCO", "CCN", "c1ccccc1O", "CC(=O)Oc1ccccc1"])
    bits = torch.tensor([list(one) for one in fingerprints], dtype=torch.uint8)
    expected = [DataStructs.BulkTanimotoSimilarity(one, fingerprints) for one in fingerprints]
    np.testing.assert_allclose(tanimoto(bits).numpy(), expected, atol=1e-6)


def test_molecules_without_bits_are_similar_to_themselves_alone():
    assert tanimoto(torch.zeros(3, 8, dtype=torch.uint8)).tolist() == torch.eye(3).tolist()


def test_a_common_part_hides_differences_until_it_is_subtracted():
    common = 100 * torch.ones(4)
    different = torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]])
    embeddings = (different + common).half()
    assert float(cosine(embeddings)[0, 1]) > 0.99
    assert float(cosine(embeddings, common)[0, 1]) == pytest.approx(-1)
    assert torch.isfinite(cosine(torch.zeros(2, 4))).all()


def test_published_kernel_leaves_weight_on_ties_alone():
    shifts = torch.tensor([128.3, 128.3, 128.31, 20.0, 128.3])
    rows = target_rows(peak_similarity(shifts, "published", 1.0), 1.0, include_self=True)
    third = pytest.approx(1 / 3)
    assert rows[0].tolist() == [third, third, 0, 0, third]
    assert rows[3].tolist() == [0, 0, 0, 1, 0]


def test_laplace_kernel_by_hand():
    rows = target_rows(peak_similarity(torch.tensor([10.0, 13.0]), "laplace", 3.0), 1.0, include_self=True)
    weight = float(np.exp(-1))
    assert rows[0].tolist() == pytest.approx([1 / (1 + weight), weight / (1 + weight)])
