import math

import pytest
import torch

from spectraflow.methods.symspectra.noise_gate import NoiseGate
from spectraflow.methods.symspectra.settings import NetworkSettings

HERE = torch.ones(4, dtype=torch.bool)


def make_gate(channels=6, **settings) -> NoiseGate:
    torch.manual_seed(0)
    return NoiseGate(channels, NetworkSettings(channels=[8, channels], heads=1, **settings))


def test_moments_are_those_of_all_tokens_of_present_molecules():
    gate, tokens = make_gate(), torch.randn(4, 10, 6)
    present = torch.tensor([True, False, True, True])
    tokens[1] = 1e6
    mean, spread = gate.moments(tokens, present)
    flat = tokens[present].reshape(-1, 6)
    torch.testing.assert_close(mean, flat.mean(0))
    torch.testing.assert_close(spread, flat.std(0, correction=0) + 1e-5)


def test_moments_carry_no_gradient():
    tokens = torch.randn(4, 10, 6, requires_grad=True)
    assert not any(one.requires_grad for one in make_gate().moments(tokens, HERE))


def test_evaluation_uses_moving_averages_of_the_training_moments():
    gate, batches = make_gate(), [torch.randn(4, 10, 6) * k + k for k in (1.0, 3.0, 5.0)]
    seen = [gate.moments(tokens, HERE) for tokens in batches]
    gate.eval()
    expected = seen[0][0].lerp(seen[1][0], 0.1).lerp(seen[2][0], 0.1)
    mean, spread = gate.moments(torch.zeros(4, 10, 6), HERE)
    torch.testing.assert_close(mean, expected)
    torch.testing.assert_close(spread, seen[0][1].lerp(seen[1][1], 0.1).lerp(seen[2][1], 0.1))
    gate.moments(batches[0], HERE)
    assert torch.equal(gate.mean, mean), "evaluation changes no average"


def test_a_batch_without_the_modality_changes_no_average():
    gate = make_gate()
    gate.moments(torch.randn(4, 10, 6), HERE)
    before = gate.mean.clone()
    mean, _ = gate.moments(torch.full((4, 10, 6), math.nan), ~HERE)
    assert torch.equal(mean, before)
    assert torch.equal(gate.mean, before)


def test_soft_gates_are_the_binary_concrete_of_their_probability():
    """With logit g, lambda exceeds 1/2 with probability sigmoid(g), and logit(lambda) - g is logistic noise."""
    gate = make_gate()
    for parameter in gate.logits.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(gate.logits[2].bias, 0.8)
    kept = gate.keep(torch.zeros(200, 150, 6), torch.ones(200, dtype=torch.bool))
    assert float((kept > 0.5).float().mean()) == pytest.approx(1 / (1 + math.exp(-0.8)), abs=0.01)
    noise = kept.detach().double().logit() - 0.8
    assert float(noise.mean()) == pytest.approx(0, abs=0.05)
    assert float(noise.std()) == pytest.approx(math.pi / math.sqrt(3), rel=0.02)
    gate.eval()
    torch.testing.assert_close(gate.keep(torch.zeros(1, 3, 6), HERE[:1]), torch.full((1, 3), 1 / (1 + math.exp(-0.8))))


def test_unsampled_gates_draw_nothing_in_training():
    gate, tokens = make_gate(), torch.randn(4, 10, 6)
    plain = gate.keep(tokens, HERE, sampled=False)
    torch.testing.assert_close(plain, gate.eval().keep(tokens, HERE))


def test_hard_gates_are_zero_or_one_and_pass_gradients():
    gate, tokens = make_gate(gate="hard_st"), torch.randn(4, 500, 6)
    kept = gate.keep(tokens, HERE)
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    kept.sum().backward()
    assert float(gate.logits[0].weight.grad.abs().sum()) > 0
    assert set(gate.eval().keep(tokens, HERE).unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("kind", ["soft", "hard_st", "off"])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_of_a_missing_modality_is_kept(kind, training):
    gate, present = make_gate(gate=kind).train(training), torch.tensor([True, False, True, False])
    tokens = torch.randn(4, 10, 6)
    kept = gate.keep(tokens, present)
    assert not kept[~present].any()
    assert kept[present].any()
    mixed = gate.mix(tokens, kept, (torch.full((6,), 7.0), torch.full((6,), 1e-6)))
    torch.testing.assert_close(mixed[~present], torch.full((2, 10, 6), 7.0), atol=1e-3, rtol=0)


def test_gates_that_are_off_pass_tokens_on():
    gate, tokens = make_gate(gate="off"), torch.randn(4, 10, 6)
    assert torch.equal(gate.mix(tokens, gate.keep(tokens, HERE), gate.moments(tokens, HERE)), tokens)


def test_tokens_and_noise_are_mixed_by_the_share_kept():
    gate, tokens = make_gate().eval(), torch.randn(4, 10, 6)
    kept, mean = torch.rand(4, 10), torch.randn(6)
    mixed = gate.mix(tokens, kept, (mean, torch.ones(6)))
    torch.testing.assert_close(mixed, kept[..., None] * tokens + (1 - kept[..., None]) * mean)
    gate.train()
    noisy = gate.mix(torch.zeros(400, 150, 6), torch.zeros(400, 150), (mean, torch.full((6,), 0.5)))
    torch.testing.assert_close(noisy.mean((0, 1)), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(noisy.std((0, 1)), torch.full((6,), 0.5), atol=0.01, rtol=0)


@pytest.mark.parametrize(
    ("prior", "mean", "variance", "skew", "kurtosis"),
    [("gaussian", 0, 1, 0, 3), ("laplace", 0, 2, 0, 6), ("gamma", 1, 1, 2, 9)],
)
def test_priors_have_their_moments(prior, mean, variance, skew, kurtosis):
    drawn = make_gate(prior=prior).draw(torch.empty(500_000)).double()
    standard = (drawn - drawn.mean()) / drawn.std()
    assert float(drawn.mean()) == pytest.approx(mean, abs=0.01)
    assert float(drawn.var()) == pytest.approx(variance, rel=0.02)
    assert float((standard**3).mean()) == pytest.approx(skew, abs=0.1)
    assert float((standard**4).mean()) == pytest.approx(kurtosis, rel=0.1)
