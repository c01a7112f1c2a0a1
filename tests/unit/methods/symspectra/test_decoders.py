import pytest
import torch

from spectraflow.methods.symspectra.decoders import GroupDecoder, build_decoder
from spectraflow.methods.symspectra.settings import NetworkSettings

FEATURE, GROUPS = 6, 7
ORDERS = ([0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0], [3, 0, 6, 2, 5, 1, 4])
KINDS = ("lstm", "gru", "transformer")
INPUTS = ("decision", "decision_and_feature")


def make(kind: str, order=ORDERS[2], **settings) -> GroupDecoder:
    torch.manual_seed(0)
    network = NetworkSettings(decoder=kind, decoder_dim=16, decoder_embedding=8, dropout=0.0, **settings)
    decoder = build_decoder(FEATURE, order, network)
    assert decoder is not None
    with torch.no_grad():
        decoder.decisions.weight.mul_(3)  # decisions must matter
        decoder.output.weight.mul_(5)  # logits of either sign
    return decoder


def told_share(decoder: GroupDecoder, probability: float, labels: torch.Tensor, main: torch.Tensor) -> float:
    """Return the share of decisions that were told as true when the decoder itself never decides so."""
    with torch.no_grad():
        decoder.output.weight.zero_()
        decoder.output.bias.fill_(-1.0)
    indices = []
    hook = decoder.decisions.register_forward_hook(lambda module, inputs, output: indices.append(inputs[0]))
    decoder(torch.randn(len(labels), FEATURE), main, labels, probability)
    hook.remove()
    told = indices[-1] if indices[0].dim() == 2 else torch.stack(indices, 1)  # a transformer looks twice
    assert told.shape == labels.shape
    return float((told[:, 1:] % 2).float().mean())


@pytest.fixture
def feature() -> torch.Tensor:
    return torch.randn(32, FEATURE, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def main() -> torch.Tensor:
    return torch.randn(32, GROUPS, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def labels() -> torch.Tensor:
    return (torch.rand(32, GROUPS, generator=torch.Generator().manual_seed(3)) < 0.5).float()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ORDERS)
def test_logits_are_in_label_order(kind, order, feature, main, labels):
    decoder = make(kind, order)
    with torch.no_grad():
        decoder.output.weight.zero_()
        decoder.output.bias.copy_(torch.arange(GROUPS) - 3.0)
    expected = (torch.arange(GROUPS) - 3.0).expand(32, -1)
    torch.testing.assert_close(decoder(feature, main), expected)
    torch.testing.assert_close(decoder(feature, main, labels, 0.5), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [0, 3, GROUPS - 1])
def test_a_decision_changes_only_the_logits_of_later_groups(kind, step, feature, main, labels):
    decoder = make(kind)
    other = labels.clone()
    other[:, ORDERS[2][step]] = 1 - other[:, ORDERS[2][step]]
    change = (decoder(feature, main, labels, 1.0) - decoder(feature, main, other, 1.0)).detach().abs()[:, ORDERS[2]]
    assert float(change[:, : step + 1].max()) < 1e-6
    assert step == GROUPS - 1 or float(change[:, step + 1 :].min(1).values.median()) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("output", ["logit", "correction"])
@pytest.mark.parametrize("told", INPUTS)
def test_evaluation_feeds_back_its_own_decisions(kind, output, told, feature, main):
    decoder = make(kind, decoder_output=output, decoder_input=told).eval()
    logits = decoder(feature, main)
    decided = (logits >= 0).float()
    assert 0 < float(decided.mean()) < 1
    torch.testing.assert_close(decoder(feature, main, decided, 1.0), logits, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(decoder(feature, main, 1 - decided, 1.0), logits, atol=0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("probability", [0.0, 0.3, 0.5, 1.0])
def test_the_truth_is_told_as_often_as_asked(kind, probability, main):
    many = torch.ones(2000, GROUPS)
    assert told_share(make(kind), probability, many, main[:1].expand(2000, -1)) == pytest.approx(probability, abs=0.02)


def test_what_is_told_is_drawn_for_each_molecule_and_step(main):
    seen = []
    decoder = make("lstm")
    decoder.decisions.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0] % 2))
    with torch.no_grad():
        decoder.output.weight.zero_()
        decoder.output.bias.fill_(-1.0)
    decoder(torch.randn(64, FEATURE), main, torch.ones(64, GROUPS), 0.5)
    told = torch.stack(seen[1:], 1).float()
    assert float(told.std(0).min()) > 0
    assert float(told.std(1).mean()) > 0.3


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_each_step_is_told_the_feature_only_if_asked(kind, feature, main):
    """With states that forget the feature only the steps' input can carry it."""
    for told in INPUTS:
        decoder = make(kind, decoder_input=told).eval()
        with torch.no_grad():
            for parameter in decoder.states.parameters():
                parameter.zero_()
        spread = float(decoder(feature, main)[:, ORDERS[2][0]].detach().std())
        assert (spread > 1e-3) == (told == "decision_and_feature")


@pytest.mark.parametrize("kind", KINDS)
def test_every_decoder_starts_from_the_feature(kind, feature, main):
    assert float(make(kind)(feature, main)[:, ORDERS[2][0]].detach().std()) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_a_correction_is_added_to_the_main_logits(kind, feature, main, labels):
    plain, correcting = make(kind), make(kind, decoder_output="correction")
    correcting.load_state_dict(plain.state_dict())
    difference = correcting(feature, main, labels, 1.0) - plain(feature, main, labels, 1.0)
    torch.testing.assert_close(difference, main, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_the_same_whatever_stands_beside(kind, feature, main):
    decoder = make(kind).eval()
    logits = decoder(feature, main)
    for rows in ([0], [5, 31], list(range(8))):
        torch.testing.assert_close(decoder(feature[rows], main[rows]), logits[rows], atol=1e-5, rtol=1e-4)


def test_no_decoder():
    assert build_decoder(FEATURE, ORDERS[0], NetworkSettings(decoder="none")) is None


@pytest.mark.parametrize("order", [[0, 1, 1], [1, 2, 3], [0, 2]])
def test_an_order_that_is_no_permutation_is_refused(order):
    with pytest.raises(ValueError, match="every group once"):
        make("lstm", order)
