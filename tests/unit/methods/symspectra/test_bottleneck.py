import pytest
import torch
from torch.distributions import Normal, kl_divergence

from spectraflow.errors import ConfigError
from spectraflow.methods.symspectra.bottleneck import bottleneck, compression, conditional_divergence, gated_sums
from spectraflow.methods.symspectra.settings import ObjectiveSettings
from spectraflow.settings import check

HERE = torch.ones(3, dtype=torch.bool)


def make(length=20, channels=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(3, length, channels, generator=generator) * 2 + 1
    kept = torch.rand(3, length, generator=generator)
    moments = torch.randn(channels, generator=generator), torch.rand(channels, generator=generator) + 0.5
    return tokens, kept, moments


def of_sum(tokens, kept, moments) -> Normal:
    """The distribution of the sum of compressed tokens: kept tokens plus independent noise, channel by channel."""
    mean, spread = moments
    share = kept[..., None]
    centre = (share * tokens + (1 - share) * mean).sum(1)
    return Normal(centre, spread * ((1 - share) ** 2).sum(1).sqrt())


def pure_noise(length, moments) -> Normal:
    mean, spread = moments
    return Normal(length * mean, spread * length**0.5)


def test_compression_is_the_gaussian_divergence_averaged_over_channels():
    tokens, kept, moments = make()
    expected = kl_divergence(of_sum(tokens, kept, moments), pure_noise(20, moments)).mean(1)
    torch.testing.assert_close(compression(gated_sums(tokens, kept, HERE, moments)), expected)


def test_pure_noise_is_fully_compressed():
    tokens, kept, moments = make()
    none_kept = gated_sums(tokens, torch.zeros_like(kept), HERE, moments)
    torch.testing.assert_close(compression(none_kept), torch.zeros(3))


def test_a_gate_that_keeps_everything_stays_finite():
    tokens, kept, moments = make()
    kept = torch.ones_like(kept).requires_grad_()
    value = compression(gated_sums(tokens, kept, HERE, moments)).sum()
    value.backward()
    assert value.isfinite()
    assert kept.grad.isfinite().all()


def test_conditional_divergence_is_that_of_two_gaussians():
    tokens, kept, moments = make()
    other_tokens, other_kept, _ = make(seed=1)
    one, other = of_sum(tokens, kept, moments), of_sum(other_tokens, other_kept, moments)
    ours, theirs = gated_sums(tokens, kept, HERE, moments), gated_sums(other_tokens, other_kept, HERE, moments)
    torch.testing.assert_close(conditional_divergence(ours, theirs), kl_divergence(one, other).mean(1))
    torch.testing.assert_close(conditional_divergence(ours, ours), torch.zeros(3))


def test_sums_of_several_modalities_add_up_to_those_of_all_their_tokens():
    tokens, kept, moments = make()
    more, more_kept, _ = make(length=30, seed=1)
    together = gated_sums(torch.cat([tokens, more], 1), torch.cat([kept, more_kept], 1), HERE, moments)
    added = gated_sums(tokens, kept, HERE, moments) + gated_sums(more, more_kept, HERE, moments)
    assert torch.equal(added.tokens, torch.full((3,), 50.0))
    for one, other in zip(added, together, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("bound", ["as_printed", "signed", "conditional_kl"])
def test_bounds(bound):
    one, other = (gated_sums(*make(seed=seed)[:2], HERE, make()[2]) for seed in (0, 1))
    expected = {
        "as_printed": compression(one) + compression(other),
        "signed": compression(one) - compression(other),
        "conditional_kl": conditional_divergence(one, other),
    }[bound]
    torch.testing.assert_close(bottleneck(one, other, bound), expected)
    assert torch.equal(bottleneck(one, None, bound), compression(one)), "a single modality has no conditional part"


@pytest.mark.parametrize("bound", ["as_printed", "signed", "conditional_kl"])
def test_a_molecule_without_the_other_modalities_has_no_conditional_part(bound):
    tokens, kept, moments = make()
    present = torch.tensor([True, False, True])
    own = gated_sums(tokens, kept, HERE, moments)
    others = gated_sums(tokens * 2, kept, present, moments)
    alone = bottleneck(own, others, bound)[1]
    assert float(alone) == pytest.approx(0.0 if bound == "conditional_kl" else float(compression(own)[1]))
    missing = bottleneck(others, own, bound)
    assert missing.isfinite().all()


def test_the_bound_that_holds_needs_a_masked_pass():
    with pytest.raises(ConfigError, match="masked_pass"):
        check(ObjectiveSettings, {"bound": "conditional_kl"})
    check(ObjectiveSettings, {"bound": "conditional_kl", "conditional_tokens": "masked_pass"})
