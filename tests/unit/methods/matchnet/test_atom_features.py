import torch

from spectraflow.methods.matchnet.atom_features import WIDTH, atom_features
from tests.unit.methods.matchnet.network_pairs import make_graph


def test_an_aromatic_and_an_aliphatic_atom():
    features = atom_features(torch.tensor([[0, 3, 0, 0, 1], [3, 10, 2, 1, 0]]))
    assert features.shape == (2, WIDTH) == (2, 38)
    assert features.dtype == torch.float32
    assert features[0].nonzero()[:, 0].tolist() == [0, 4 + 3, 15 + 0, 26 + 0, 37]
    assert features[1].nonzero()[:, 0].tolist() == [3, 4 + 10, 15 + 2, 26 + 1]
    torch.testing.assert_close(features[0][features[0] > 0], torch.full((5,), 0.2))
    torch.testing.assert_close(features[1][features[1] > 0], torch.full((4,), 0.25))


def test_counts_above_ten_are_ten():
    assert torch.equal(
        atom_features(torch.tensor([[1, 12, 11, 99, 0]])), atom_features(torch.tensor([[1, 10, 10, 10, 0]]))
    )


def test_features_of_an_atom_sum_to_one():
    torch.testing.assert_close(atom_features(make_graph().atoms).sum(1), torch.ones(22))
