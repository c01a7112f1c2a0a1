import pytest
import torch

from spectraflow.methods.matchnet.image_head import Cbam, JointGate, PointwiseProjection, image_head
from spectraflow.methods.matchnet.settings import NetworkSettings
from tests.unit.methods.matchnet.network_pairs import CHANNELS, make_batch, small, weights_of

KINDS = ["joint", "shared", "gate", "none", "parent"]
FEATURES = make_batch().features


def make_head(**changes):
    torch.manual_seed(0)
    return image_head(small(**changes), CHANNELS)


def test_blocks_have_their_published_sizes():
    with torch.device("meta"):
        head = image_head(NetworkSettings(), 2048)
    assert weights_of(head.projection) == 32_768
    assert weights_of(head.attention) == 2 * (32 + 98)
    assert weights_of(head.gate) == 128


@pytest.mark.parametrize(
    ("kind", "size"), [("shared", 32_768 + 130), ("gate", 32_768 + 128), ("none", 32_768), ("parent", 557_440)]
)
def test_sizes_of_the_others(kind, size):
    with torch.device("meta"):
        assert weights_of(image_head(NetworkSettings(attention=kind), 2048)) == size


def test_the_projection_is_a_convolution():
    projection, maps = PointwiseProjection(6, 4), torch.randn(3, 6, 5, 7)
    expected = torch.nn.functional.conv2d(maps, projection.weight[..., None, None])
    torch.testing.assert_close(projection(maps), expected)


def test_attention_is_the_equation():
    torch.manual_seed(0)
    cbam, maps = Cbam(32, [7]), torch.randn(2, 32, 8, 8)
    first, last = cbam.channel[0].weight, cbam.channel[2].weight
    torch.nn.init.uniform_(first, -0.1, 0.4)  # so that the hidden channels see both kinds of pooling
    assert first.shape == (2, 32)
    logits = sum((pooled @ first.T).relu() @ last.T for pooled in (maps.mean((2, 3)), maps.amax((2, 3))))
    refined = logits.sigmoid()[:, :, None, None] * maps
    seen = torch.stack([refined.mean(1), refined.amax(1)], 1)
    spatial = torch.nn.functional.conv2d(seen, cbam.spatial.convolutions[0].weight, padding=3).sigmoid()
    torch.testing.assert_close(cbam(maps), spatial * refined)


@pytest.mark.parametrize("kernels", [[7], [3, 5, 7], [1]])
def test_attention_weights_lie_between_zero_and_one(kernels):
    torch.manual_seed(0)
    cbam, maps = Cbam(4, kernels), 3 * torch.randn(5, 4, 8, 6)
    channel, spatial = cbam.channel_weights(maps), cbam.spatial(maps)
    assert channel.shape == (5, 4, 1, 1)
    assert spatial.shape == (5, 1, 8, 6)
    for weights in (channel, spatial):
        assert weights.min() > 0
        assert weights.max() < 1
        assert weights.std() > 0


def test_several_kernels_are_averaged():
    torch.manual_seed(0)
    several, maps = Cbam(4, [3, 5]).spatial, torch.randn(2, 4, 8, 8)
    singles = [Cbam(4, [size]).spatial for size in (3, 5)]
    for single, convolution in zip(singles, several.convolutions, strict=True):
        single.convolutions[0].load_state_dict(convolution.state_dict())
    logits = [single(maps).logit() for single in singles]
    torch.testing.assert_close(several(maps).logit(), (logits[0] + logits[1]) / 2, rtol=1e-4, atol=1e-5)


def test_gating_vectors_is_gating_maps():
    head = make_head(attention="joint")
    maps = [
        attend(head.projection(FEATURES[nucleus])) for nucleus, attend in zip(head.nuclei, head.attention, strict=True)
    ]
    pooled = torch.cat([one.mean((2, 3)) for one in maps], 1)
    q = head.gate.layers(pooled).sigmoid()
    assert q.std() > 1e-4
    gated = [one * weights[..., None, None] for one, weights in zip(maps, q.chunk(2, 1), strict=True)]
    expected = torch.cat([one.mean((2, 3)) for one in gated], 1)
    torch.testing.assert_close(head(FEATURES), expected)


def test_without_attention_the_mean_comes_first_and_changes_nothing():
    head = make_head(attention="none")
    expected = torch.cat([head.projection(FEATURES[nucleus]).mean((2, 3)) for nucleus in head.nuclei], 1)
    torch.testing.assert_close(head(FEATURES), expected)
    gated = make_head(attention="gate")
    torch.testing.assert_close(gated(FEATURES), gated.gate(expected))


def test_shared_attention_is_one_for_all_nuclei():
    same = {"1H": FEATURES["1H"], "13C": FEATURES["1H"]}
    proton, carbon = make_head(attention="shared")(same).chunk(2, 1)
    torch.testing.assert_close(proton, carbon)
    proton, carbon = make_head(attention="joint")(same).chunk(2, 1)
    assert (proton - carbon).abs().max() > 1e-4


def test_the_gate_lets_nuclei_weigh_each_other():
    torch.manual_seed(1)
    gate, pooled = JointGate(8), torch.randn(3, 8)
    other = torch.cat([pooled[:, :4], pooled[:, 4:] + 3], 1)
    assert (gate(pooled)[:, :4] - gate(other)[:, :4]).abs().max() > 1e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nuclei", [["13C"], ["1H"], ["1H", "13C"]])
def test_widths_follow_the_nuclei(kind, nuclei):
    seen = {nucleus: FEATURES[nucleus] for nucleus in nuclei}
    each = 128 if kind == "parent" else 4
    assert make_head(attention=kind, nuclei=nuclei)(seen).shape == (5, each * len(nuclei))


@pytest.mark.parametrize("kind", KINDS)
def test_spectra_do_not_see_each_other(kind):
    head = make_head(attention=kind)
    together = head(FEATURES)
    for row in range(5):
        alone = head({nucleus: maps[row : row + 1] for nucleus, maps in FEATURES.items()})
        torch.testing.assert_close(alone, together[row : row + 1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_maps_are_computed_in_full(kind):
    head = make_head(attention=kind)
    full = {nucleus: maps.float() for nucleus, maps in FEATURES.items()}
    assert head(FEATURES).dtype == torch.float32
    torch.testing.assert_close(head(FEATURES), head(full))


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision(kind):
    head = make_head(attention=kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = head(FEATURES)
    torch.testing.assert_close(mixed.float(), head(FEATURES), rtol=0.05, atol=0.05)
