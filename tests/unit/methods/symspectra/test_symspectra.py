from typing import Any

import pytest
import torch

from spectraflow.methods.symspectra.batch import SpectraBatch
from spectraflow.methods.symspectra.bottleneck import compression, gated_sums
from spectraflow.methods.symspectra.imbalance import PlainLoss
from spectraflow.methods.symspectra.symspectra import SymSpectra, importance
from tests.unit.methods.symspectra.small_spectra import make_batch, make_model, select

LOSS = PlainLoss()


def encoder_gradient(model: SymSpectra, batch: SpectraBatch) -> torch.Tensor:
    """Return the gradient that the loss, always with the same noise, has in encoders and attention."""
    torch.manual_seed(3)
    model.zero_grad()
    model.loss(batch, LOSS)[0].backward()
    parameters = [p for name, p in model.network.branches.named_parameters() if "queries" not in name]
    return torch.cat([p.grad.flatten() for p in parameters])


def trained(model: SymSpectra, batch: SpectraBatch, steps: int) -> SymSpectra:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        model.loss(batch, LOSS)[0].backward()
        optimizer.step()
    return model.eval()


@pytest.mark.parametrize("decoder", ["lstm", "gru", "transformer", "none"])
def test_it_learns_a_batch_and_answers_alike_whatever_stands_beside(decoder):
    settings = {"decoder": decoder, "decoder_input": "decision_and_feature", "attention": decoder == "none"}
    batch = make_batch(16, 2)
    model = trained(make_model(2, network=settings), batch, 35)
    with torch.no_grad():
        found = model.probabilities(batch)
        assert ((found >= 0.5) == (batch.labels > 0.5)).float().mean() > 0.9
        for rows in ([0], [11], list(range(8))):
            torch.testing.assert_close(model.probabilities(select(batch, rows)), found[rows], atol=1e-4, rtol=1e-3)
        assert torch.equal(model.probabilities(batch), found)


def test_the_loss_is_the_sum_of_its_terms():
    settings = {"beta": 0.1, "main_head_weight": 0.7}
    loss, terms = make_model(objective=settings).loss(make_batch(), LOSS)
    expected = 0.7 * terms["main"] + terms["decoder"] + terms["auxiliary"] + 0.1 * terms["bottleneck"]
    torch.testing.assert_close(loss.detach(), expected)
    assert not any(value.requires_grad for value in terms.values())


@pytest.mark.parametrize(
    ("network", "objective", "absent"),
    [
        ({"decoder": "none"}, {}, "decoder"),
        ({"auxiliary": "none"}, {}, "auxiliary"),
        ({}, {"beta": 0.0}, "bottleneck"),
    ],
)
def test_what_is_turned_off_has_no_term(network, objective, absent):
    _, terms = make_model(network=network, objective=objective).loss(make_batch(), LOSS)
    assert {"main", "decoder", "auxiliary", "bottleneck"} - set(terms) == {absent}


def test_unweighted_terms_are_the_mean_element_loss():
    model, batch = make_model(objective={"sample_scale": 0.0, "feature_scale": 0.0}).eval(), make_batch()
    _, terms = model.loss(batch, LOSS)
    torch.testing.assert_close(terms["main"], LOSS(model.network(batch).main, batch.labels).mean().detach())
    _, weighted = make_model(objective={"sample_scale": 5.0}).eval().loss(batch, LOSS)
    assert float(weighted["main"]) != pytest.approx(float(terms["main"]), rel=1e-4)


def test_auxiliary_predictors_add_no_encoder_gradient_unless_asked():
    batch, unweighted = make_batch(), {"sample_scale": 0.0, "feature_scale": 0.0}

    def gradient(network: dict[str, Any], **objective: float) -> torch.Tensor:
        model = make_model(network=network, objective={**unweighted, **objective})
        shared = {name: value for name, value in make_model().state_dict().items() if "auxiliary" not in name}
        model.load_state_dict(shared, strict=False)
        return encoder_gradient(model, batch)

    without = gradient({"auxiliary": "none"})
    for auxiliary in ("heads", "shared_masked"):
        plain = gradient({"auxiliary": auxiliary})
        torch.testing.assert_close(plain, without, atol=1e-7, rtol=1e-5)
        joint = gradient({"auxiliary": auxiliary}, aux_encoder_grad=0.5) - plain
        reversed_ = gradient({"auxiliary": auxiliary}, aux_encoder_grad=-0.5) - plain
        assert float(joint.norm()) > 0.01 * float(plain.norm())
        torch.testing.assert_close(reversed_, -joint, atol=1e-5, rtol=1e-3)


def test_auxiliary_predictors_learn_even_without_an_encoder_gradient():
    model = make_model()
    model.loss(make_batch(), LOSS)[0].backward()
    assert all(float(head.head.weight.grad.norm()) > 0 for head in model.network.auxiliary)


def test_weights_steer_the_gradient_but_receive_none():
    """Auxiliary logits reach the loss through weights and their own term alone: without it nothing flows to them."""
    model, batch = make_model(), make_batch()
    passed = model.network(batch)
    auxiliary = model._auxiliary(passed, batch)
    samples, features, cmi = model._weights(passed.main, auxiliary, batch.labels)
    assert auxiliary.requires_grad
    assert not any(one.requires_grad for one in (samples, features, cmi))
    assert float(samples.std()) > 0


@pytest.mark.parametrize("epoch", [0, 1, 10])
def test_the_share_of_truth_told_falls_by_epoch(epoch, monkeypatch):
    model, batch, shares = make_model(), make_batch(), []
    forward = model.network.decoder.forward

    def spy(*arguments: Any) -> torch.Tensor:
        shares.append(arguments[-1])
        return forward(*arguments)

    monkeypatch.setattr(model.network.decoder, "forward", spy)
    model.loss(type(batch)(batch.vectors, batch.present, batch.labels, batch.rows, epoch=epoch), LOSS)
    assert shares == [pytest.approx(0.5 * 0.95**epoch)]


@pytest.mark.parametrize("tokens", ["concat_others", "masked_pass"])
@pytest.mark.parametrize("bound", ["as_printed", "signed", "conditional_kl"])
def test_every_bound_gives_numbers_with_spectra_missing(bound, tokens):
    if bound == "conditional_kl" and tokens == "concat_others":
        return
    model, batch = make_model(objective={"bound": bound, "conditional_tokens": tokens, "beta": 1.0}), make_batch()
    batch.present[0, :2] = False
    batch.present[1, 2] = False
    gradient = encoder_gradient(model, batch)
    assert gradient.isfinite().all()
    assert float(gradient.norm()) > 0
    if tokens == "masked_pass":
        assert all(float(branch.queries.grad.norm()) > 0 for branch in model.network._branches())


def test_bounds_differ_by_the_conditional_part():
    values = {}
    for bound in ("as_printed", "signed"):
        model, batch = make_model(objective={"bound": bound}).eval(), make_batch()
        values[bound] = float(model.loss(batch, LOSS)[1]["bottleneck"])
    passed = model.network(batch)
    own = [
        compression(gated_sums(one.tokens, one.kept, torch.ones(8).bool(), one.moments)).mean() for one in passed.gated
    ]
    assert (values["as_printed"] + values["signed"]) / 2 == pytest.approx(float(sum(own).detach()), rel=1e-4)
    assert values["as_printed"] > values["signed"]


def test_a_single_modality_is_compressed_without_a_conditional_part():
    model, batch = make_model(modalities=1).eval(), make_batch(modalities=1)
    _, terms = model.loss(batch, LOSS)
    (one,) = model.network(batch).gated
    expected = compression(gated_sums(one.tokens, one.kept, torch.ones(8).bool(), one.moments)).mean()
    torch.testing.assert_close(terms["bottleneck"], expected.detach())
    assert "auxiliary" not in terms
    assert terms["cmi"].isfinite()


def test_losses_are_computed_in_single_precision():
    dtypes = []

    def element_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        dtypes.append(logits.dtype)
        return LOSS(logits, labels)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = make_model(objective={"beta": 0.1}).loss(make_batch(), element_loss)
    assert set(dtypes) == {torch.float32}
    assert loss.dtype == torch.float32
    assert loss.isfinite()


def test_importance_is_the_share_kept():
    model, batch = make_model().eval(), make_batch()
    batch.present[2, 1] = False
    kept = importance(model.network(batch).gated)
    assert kept.shape == (8, 3, 150)
    assert not kept[2, 1].any()
    assert ((kept[3] > 0) & (kept[3] < 1)).all()
