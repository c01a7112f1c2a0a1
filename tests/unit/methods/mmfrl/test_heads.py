import torch

from spectraflow.methods.mmfrl.heads import CoefficientNetwork, PropertyHead
from spectraflow.nn.parameters import count_parameters


def test_head_is_two_layers_and_shows_the_one_between():
    head = PropertyHead(6, 5, 3)
    embeddings = torch.randn(7, 6)
    expected = torch.relu(embeddings @ head.first.weight.T + head.first.bias) @ head.last.weight.T + head.last.bias
    torch.testing.assert_close(head(embeddings), expected)
    torch.testing.assert_close(head.outputs(head.hidden(embeddings)), expected)
    assert head.hidden(embeddings).shape == (7, 5)


def test_dropout_falls_silent_in_evaluation():
    head = PropertyHead(60, 50, 3, dropout=0.5)
    embeddings = torch.ones(2, 60)
    assert not torch.equal(head(embeddings), head(embeddings))
    head.eval()
    torch.testing.assert_close(head(embeddings), head(embeddings), rtol=0, atol=0)


def test_coefficients_are_a_number_a_molecule():
    network = CoefficientNetwork(300)
    assert network(torch.randn(7, 300)).shape == (7,)
    assert count_parameters(network) == 300 * 100 + 100 + 100 * 33 + 33 + 33 + 1
