import pytest
import torch
from torch import nn

from spectraflow.methods.matchnet import fusion as module
from spectraflow.methods.matchnet.fusion import Fusion
from tests.unit.methods.matchnet.network_pairs import weights_of


def make_fusion() -> Fusion:
    """A fusion of widths 5 and 3 in eval mode whose norms have seen data."""
    torch.manual_seed(0)
    fusion = Fusion(5, 3)
    for norm in fusion.modules():
        if isinstance(norm, nn.BatchNorm1d):
            nn.init.uniform_(norm.weight, -1.5, 1.5)
            nn.init.normal_(norm.bias)
    for _ in range(20):
        fusion(torch.randn(64, 5) + 1, 2 * torch.randn(64, 3))
    return fusion.eval()


def normed(x, norm):
    return (x - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias


def test_blocks_have_their_published_sizes():
    fusion = Fusion(128, 32)
    residual = (fusion.first, fusion.first_norm, fusion.second, fusion.skip)
    head = (fusion.fused_norm, fusion.hidden, fusion.last_norm, fusion.output)
    assert sum(map(weights_of, residual)) == 65_280
    assert sum(map(weights_of, head)) == 4_993
    assert weights_of(fusion) == 65_280 + 4_993


def test_fusion_and_head_are_the_equation():
    fusion = make_fusion()
    molecules, spectra = torch.randn(6, 5), torch.randn(6, 3)
    u = torch.cat([molecules, spectra], 1)
    z = fusion.second(normed(fusion.first(u).relu(), fusion.first_norm)) + fusion.skip(u)
    last = normed(fusion.hidden(normed(z, fusion.fused_norm).relu()).relu(), fusion.last_norm)
    assert last.shape == (6, 48)
    torch.testing.assert_close(fusion.last_layer_input(molecules, spectra), last, rtol=1e-4, atol=1e-5)
    logits = last @ fusion.output.weight[0] + fusion.output.bias
    torch.testing.assert_close(fusion(molecules, spectra), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pairs", [1, 7, 64, 8192])
@pytest.mark.parametrize(("molecules", "spectra"), [(23, 4), (3, 11), (1, 1)])
def test_scores_of_all_pairs_are_those_of_each(monkeypatch, pairs, molecules, spectra):
    monkeypatch.setattr(module, "PAIRS", pairs)
    fusion = make_fusion()
    m, s = torch.randn(molecules, 5), torch.randn(spectra, 3)
    scores = fusion.score_all(m, s)
    assert scores.shape == (spectra, molecules)
    each = fusion(m.repeat(spectra, 1), s.repeat_interleave(molecules, 0)).reshape(spectra, molecules)
    assert each.numel() == 1 or each.std() > 0.01
    torch.testing.assert_close(scores, each, rtol=1e-4, atol=1e-5)


def test_scoring_leaves_the_fusion_as_it_was():
    fusion = make_fusion()
    before = {name: tensor.clone() for name, tensor in fusion.state_dict().items()}
    scores = fusion.score_all(torch.randn(4, 5), torch.randn(2, 3))
    assert not scores.requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in fusion.state_dict().items())


def test_no_candidates_or_no_spectra():
    fusion = make_fusion()
    assert fusion.score_all(torch.zeros(0, 5), torch.zeros(2, 3)).shape == (2, 0)
    assert fusion.score_all(torch.zeros(4, 5), torch.zeros(0, 3)).shape == (0, 4)


def test_a_network_in_training_cannot_score_candidates():
    with pytest.raises(ValueError, match="training mode"):
        Fusion(5, 3).score_all(torch.zeros(2, 5), torch.zeros(1, 3))
