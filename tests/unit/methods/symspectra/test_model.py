import pytest
import torch

from spectraflow.methods.symspectra.batch import SpectraBatch
from spectraflow.methods.symspectra.model import TOKENS, SymSpectraNetwork
from spectraflow.methods.symspectra.settings import NetworkSettings
from tests.unit.methods.symspectra.small_spectra import NETWORK, make_batch, make_model


def make_network(modalities=3, masked_pass=False, **settings) -> SymSpectraNetwork:
    """Return a narrow network in evaluation whose moments come from two training batches."""
    torch.manual_seed(0)
    names = ["IR", "13C", "1H", "MSMSpos", "MSMSneg"][:modalities]
    network = SymSpectraNetwork(
        names,
        [2, 0, 1, 4, 3],
        torch.tensor([0.1, 0.2, 0.3, 0.0, 1.0]),
        NetworkSettings.model_validate({**NETWORK, **settings}),
        masked_pass=masked_pass,
    )
    with torch.no_grad():
        for seed in (5, 6):
            network(make_batch(8, modalities, seed=seed))
    return network.eval()


def with_vectors(batch: SpectraBatch, place: int, vectors: torch.Tensor) -> SpectraBatch:
    changed = batch.vectors.clone()
    changed[:, place] = vectors
    return SpectraBatch(changed, batch.present, batch.labels, batch.rows)


def without(batch: SpectraBatch, *places: int) -> SpectraBatch:
    present = batch.present.clone()
    present[:, list(places)] = False
    return SpectraBatch(batch.vectors, present, batch.labels, batch.rows)


def test_the_network_has_the_size_of_the_reference():
    network = SymSpectraNetwork(["IR", "13C", "1H"], list(range(37)), torch.full((37,), 0.2), NetworkSettings())
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == pytest.approx(22.7e6, rel=0.02)
    assert sum(parameter.numel() for parameter in network.main.parameters()) == pytest.approx(5.5e6, rel=0.01)
    passed = network(make_batch(2, 3, 37))
    assert passed.feature.shape == (2, 512)
    assert [one.compressed.shape for one in passed.gated] == [(2, 150, 64)] * 3
    assert passed.keys.shape == (2, 450, 64)


@pytest.mark.parametrize("modalities", [1, 2, 5])
@pytest.mark.parametrize("auxiliary", ["heads", "shared_masked", "none"])
def test_shapes(modalities, auxiliary):
    network, batch = make_network(modalities, auxiliary=auxiliary), make_batch(4, modalities)
    passed = network(batch)
    assert passed.main.shape == batch.labels.shape
    assert passed.keys.shape == (4, modalities * TOKENS, 16)
    assert [one.kept.shape for one in passed.gated] == [(4, TOKENS)] * modalities


def test_gates_see_the_other_modalities_by_attention_alone():
    batch = make_batch()
    changed = with_vectors(batch, 1, torch.rand(8, 600))
    for attention in (True, False):
        network = make_network(attention=attention)
        one, other = (network(b).gated[0] for b in (batch, changed))
        assert torch.equal(one.tokens, other.tokens), "tokens are those of their own spectrum"
        assert torch.equal(one.kept, other.kept) != attention


def test_the_value_of_a_missing_spectrum_does_not_matter():
    batch = without(make_batch(), 1)
    batch.present[0] = torch.tensor([False, True, True])
    noise = torch.where(batch.present[:, 1, None], batch.vectors[:, 1], torch.randn(8, 600) * 100)
    broken = torch.where(batch.present[:, 1, None], batch.vectors[:, 1], torch.full((8, 600), torch.nan))
    network = make_network()
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    for training in (False, True):
        network.train(training)
        found = []
        for vectors in (batch.vectors[:, 1], noise, broken):
            network.load_state_dict(weights)
            torch.manual_seed(3)
            passed = network(with_vectors(batch, 1, vectors))
            moments = [value.clone() for value in network.state_dict().values()]
            found.append((passed.main, passed.feature, *(one.kept for one in passed.gated), *moments))
        for others in found[1:]:
            assert all(torch.equal(one, other) for one, other in zip(found[0], others, strict=True))


def test_missing_spectra_are_replaced_by_the_mean_of_training_tokens():
    network, batch = make_network(), without(make_batch(), 0)
    one = network(batch).gated[0]
    assert not one.kept.any()
    torch.testing.assert_close(one.compressed, network.gate("IR").mean.expand_as(one.compressed))


def test_missing_spectra_are_hidden_from_the_attention_of_the_others():
    network, batch = make_network(2), make_batch(modalities=2)
    one = network(without(batch, 1)).gated[0].kept
    alone = network.branches["IR"]
    tokens = alone.encode(batch.vectors[:, 0])
    expected = alone.gate.keep(alone.attend(tokens, network.joint(tokens), None), batch.present[:, 0])
    torch.testing.assert_close(one, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("missing", [[0, 1], [0, 1, 2]])
def test_a_single_spectrum_or_none_gives_numbers(training, missing):
    network, batch = make_network(masked_pass=True).train(training), make_batch()
    batch.present[3, missing] = False
    everything = without(batch, *missing)
    for one in (batch, everything):
        passed = network(one)
        logits = network.decoder(passed.feature, passed.main)
        masked = network.masked_pass(0, passed.keys, one.present)
        (passed.main.sum() + logits.sum() + masked[0].sum()).backward()
        assert all(x.isfinite().all() for x in (passed.main, logits, *masked))
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("auxiliary", ["heads", "shared_masked"])
def test_auxiliary_predictors_do_not_see_the_modality_they_lack(auxiliary):
    network, batch = make_network(auxiliary=auxiliary, attention=False), make_batch()
    changed = with_vectors(batch, 1, torch.rand(8, 600))

    def logits(b: SpectraBatch) -> torch.Tensor:
        passed = network(b)
        compressed, means = [one.compressed for one in passed.gated], [one.moments[0] for one in passed.gated]
        return network.without_each(compressed, means, b.present)

    same = (logits(batch) - logits(changed)).detach().abs().amax((1, 2))
    assert float(same[1]) == 0
    assert float(same[0]) > 1e-4
    assert float(same[2]) > 1e-4


def test_without_any_other_modality_the_base_rates_are_left():
    expected = torch.tensor([0.1, 0.2, 0.3, 1e-4, 1 - 1e-4])
    network = make_network(1)
    assert not len(network.auxiliary)
    logits = network.without_each([torch.zeros(4, TOKENS, 16)], [torch.zeros(16)], torch.ones(4, 1).bool())
    torch.testing.assert_close(logits.sigmoid(), expected.expand(1, 4, 5), atol=1e-6, rtol=1e-3)
    network, batch = make_network(2), make_batch(modalities=2)
    batch.present[3, 1] = False
    passed = network(batch)
    compressed, means = [one.compressed for one in passed.gated], [one.moments[0] for one in passed.gated]
    logits = network.without_each(compressed, means, batch.present)
    torch.testing.assert_close(logits[0, 3].sigmoid(), expected, atol=1e-6, rtol=1e-3)
    assert not torch.allclose(logits[1, 3].sigmoid(), expected, atol=1e-2)


def test_the_masked_pass_knows_only_the_others():
    network, batch = make_network(masked_pass=True), make_batch()
    changed, other = (with_vectors(batch, place, torch.rand(8, 600)) for place in (1, 2))
    found = [network.masked_pass(1, network(b).keys, b.present)[0] for b in (batch, changed, other)]
    torch.testing.assert_close(found[0], found[1])
    assert not torch.allclose(found[0], found[2], atol=1e-4)
    with pytest.raises(ValueError, match="without a masked pass"):
        make_network().masked_pass(0, network(batch).keys, batch.present)


def test_evaluation_is_deterministic_and_training_noise_depends_on_the_seed():
    model, batch = make_model(), make_batch()

    def main(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        with torch.no_grad():
            return model.network(batch).main

    assert torch.equal(main(1), main(1))
    assert not torch.equal(main(1), main(2))
    model.eval()
    assert torch.equal(main(1), main(2))
