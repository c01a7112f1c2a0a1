import warnings
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from spectraflow.methods.matchnet.network import MatchNetwork, parameter_totals
from spectraflow.methods.matchnet.settings import NetworkSettings
from tests.unit.methods.matchnet.network_pairs import (
    SIZES,
    make_batch,
    make_network,
    one_row,
    reordered,
    settled,
    small,
)

PARENT = {"attention": "parent", "graph": "parent_gat"}
VARIANTS = [
    {},
    {"graph": "multi_scale", "attention": "shared"},
    {"graph": "transformer", "attention": "gate"},
    {"graph": "gcn", "attention": "none"},
    PARENT,
    {**PARENT, "graph": "parent_gcn"},
    {"spectra": "vectors"},
    {"spectra": "peaks"},
    {"spectra_norm": True},
    {"root": False, "sage_activation": False, "spatial_kernels": [3, 5]},
    {"nuclei": ["13C"]},
    {"nuclei": ["1H"], "spectra": "vectors"},
    {"blind": "molecule"},
    {"blind": "molecule", "spectra": "peaks"},
    {"blind": "spectra"},
    {"blind": "spectra", "spectra": "vectors"},
]


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({"graph": "gcn", "attention": "shared"}, 42_912_517),
        ({"graph": "multi_scale"}, 43_748_475),
        ({"attention": "shared"}, 44_115_411),
        ({"graph": "transformer"}, 43_300_489),
        ({}, 44_115_669),
    ],
)
def test_totals_of_the_ablations(changes, total):
    assert parameter_totals(NetworkSettings(**changes))["total"] == total


@pytest.mark.parametrize(
    ("graph", "backbone", "millions"),
    [
        ("parent_gcn", "resnet101", "43.496"),
        ("parent_gat", "resnet101", "44.686"),
        ("parent_gat", "resnet50", "25.694"),
        ("parent_gat", "densenet121", "8.878"),
        ("parent_gat", "efficientnet_b0", "5.997"),
    ],
)
def test_totals_of_the_baselines(graph, backbone, millions):
    settings = NetworkSettings(graph=graph, attention="parent", backbone={"name": backbone})
    assert f"{parameter_totals(settings)['total'] / 1e6:.3f}" == millions


def test_totals_of_other_features_and_backbones():
    full = parameter_totals(NetworkSettings())
    assert full["total"] - full["trainable"] == 42_500_160
    reduced = parameter_totals(NetworkSettings(backbone={"components": 256}))
    assert full["trainable"] - reduced["trainable"] == 16 * (2048 - 256)
    tiny = parameter_totals(NetworkSettings(backbone={"name": "tiny"}), feature_channels=8, backbone=100)
    assert tiny["total"] - tiny["trainable"] == 100
    blind = parameter_totals(NetworkSettings(blind="spectra"))
    assert blind["total"] == blind["trainable"]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_logits_do_not_depend_on_the_batch(changes):
    batch = make_batch()
    network = settled(make_network(**changes), batch)
    together = network(batch)
    assert together.shape == (len(SIZES),)
    assert together.std() > 0.01
    for row in range(len(SIZES)):
        alone = network(one_row(batch, row))
        torch.testing.assert_close(alone, together[row : row + 1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_logits_do_not_depend_on_the_order_of_atoms(changes):
    batch = make_batch()
    network = settled(make_network(**changes), batch)
    other = replace(batch, graph=reordered(batch.graph, seed=1))
    torch.testing.assert_close(network(other), network(batch), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_gradients_reach_every_weight(changes):
    network = make_network(**changes)
    batch = make_batch((6, 1, 9, 4, 2, 7, 3, 5))
    binary_cross_entropy_with_logits(network(batch), batch.labels).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        before_norm = name.endswith(("convolution.bias", "convolution.lin_l.bias"))  # which takes constants away
        assert before_norm or parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("spectra", ["images", "vectors", "peaks"])
def test_norm_of_the_spectra_brings_them_to_order_one_without_weights(spectra):
    batch = make_batch()
    plain, normed = (make_network(spectra=spectra, spectra_norm=norm).train() for norm in (False, True))
    assert sum(p.numel() for p in plain.parameters()) == sum(p.numel() for p in normed.parameters())
    small = plain.embed_spectra(batch).std(0, correction=0)
    torch.testing.assert_close(
        normed.embed_spectra(batch).std(0, correction=0), small / (small.square() + 1e-5).sqrt(), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("spectra", ["images", "vectors", "peaks"])
def test_a_network_blind_for_molecules(spectra):
    batch, other = make_batch(), make_batch((3, 8, 2, 5, 5), seed=1)
    network = settled(make_network(blind="molecule", spectra=spectra), batch)
    assert torch.equal(network(replace(batch, graph=other.graph)), network(batch))
    seen = replace(other, graph=batch.graph)
    assert (network(seen) - network(batch)).abs().max() > 1e-2
    assert torch.equal(network.embed_molecules(batch.graph)[0], network.embed_molecules(other.graph)[4])


@pytest.mark.parametrize("spectra", ["images", "vectors", "peaks"])
def test_a_network_blind_for_spectra_needs_none(spectra):
    batch, other = make_batch(), make_batch((3, 8, 2, 5, 5), seed=1)
    torch.manual_seed(0)
    network = settled(MatchNetwork(small(blind="spectra", spectra=spectra), None, 24), batch)
    without = replace(batch, features=None, columns=None, peaks=None)
    assert torch.equal(network(without), network(replace(other, graph=batch.graph)))
    assert (network(replace(batch, graph=other.graph)) - network(batch)).abs().max() > 1e-2


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_scores_of_all_pairs_are_the_logits_of_pairs(changes):
    batch, rows = make_batch(), len(SIZES)
    network = settled(make_network(**changes), batch)
    molecules, spectra = network.embed_molecules(batch.graph), network.embed_spectra(batch)
    scores = network.score_all(molecules, spectra)
    assert scores.shape == (rows, rows)
    torch.testing.assert_close(scores.diagonal(), network(batch), rtol=1e-4, atol=1e-5)
    for row in range(rows):
        each = network.fusion(molecules, spectra[row : row + 1].expand(rows, -1))
        torch.testing.assert_close(scores[row], each, rtol=1e-4, atol=1e-5)


def test_the_last_layer_gives_the_logits():
    batch = make_batch()
    network = settled(make_network(), batch)
    last = network.last_layer_input(batch)
    assert last.shape == (len(SIZES), 48)
    torch.testing.assert_close(network.fusion.output(last)[:, 0], network(batch))


@pytest.mark.parametrize("spectra", ["images", "vectors", "peaks"])
def test_a_batch_without_what_the_network_reads(spectra):
    with pytest.raises(ValueError, match=spectra):
        make_network(spectra=spectra)(replace(make_batch(), features=None, columns=None, peaks=None))


def test_images_need_the_number_of_channels():
    with pytest.raises(ValueError, match="channels"):
        MatchNetwork(small(), None, 24)


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("changes", VARIANTS[:9], ids=str)
def test_equal_seeds_give_equal_gradients_without_warnings(changes):
    batch = make_batch()

    def gradients():
        network = make_network(**changes)
        binary_cross_entropy_with_logits(network(batch), batch.labels).backward()
        return [parameter.grad for parameter in network.parameters()]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = gradients(), gradients()
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("changes", [{}, PARENT, {"spectra": "vectors"}, {"spectra": "peaks"}], ids=str)
def test_pairs_can_be_learnt(changes):
    network, batch = make_network(**changes), make_batch((6, 1, 9, 4, 2, 7, 3, 5))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(15):
        loss = binary_cross_entropy_with_logits(network(batch), batch.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2
