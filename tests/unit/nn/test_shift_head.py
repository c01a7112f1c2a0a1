import pytest
import torch

from spectraflow.nn.shift_head import (
    CARBON,
    DEVIATIONS_PPM,
    LARGEST_LOG_SCALE,
    MEANS_PPM,
    Prediction,
    ShiftHead,
    in_ppm,
    laplace_loss,
    standardised,
)

GENERATOR = torch.Generator().manual_seed(0)
PREDICTION = Prediction(torch.randn(20, generator=GENERATOR), torch.randn(20, generator=GENERATOR))
TARGET = torch.randn(20, generator=GENERATOR)


def test_the_loss_is_the_likelihood_of_torch_without_its_constant():
    laplace = torch.distributions.Laplace(PREDICTION.location, PREDICTION.log_scale.exp())
    expected = -laplace.log_prob(TARGET) - torch.tensor(2.0).log()
    torch.testing.assert_close(laplace_loss(PREDICTION, TARGET), expected.mean())
    weight = torch.linspace(0, 1, 20)
    torch.testing.assert_close(laplace_loss(PREDICTION, TARGET, weight), (weight * expected).sum() / weight.sum())


@pytest.mark.parametrize("nucleus", range(len(MEANS_PPM)))
def test_units_come_back(nucleus):
    ppm = torch.tensor([-3.0, 1.5, 7.26, 128.4])
    scale = torch.tensor([0.1, 0.5, 1.0, 4.0])
    unitless = Prediction(standardised(ppm, nucleus), (scale / DEVIATIONS_PPM[nucleus]).log())
    back, same = in_ppm(unitless, nucleus)
    torch.testing.assert_close(back, ppm)
    torch.testing.assert_close(same, scale)


def test_every_shift_is_standardised_by_its_own_nucleus():
    ppm, nucleus = torch.tensor([128.0, 7.0, 20.0]), torch.tensor([0, 1, 0])
    both = [standardised(ppm, one) for one in (CARBON, 1)]
    torch.testing.assert_close(standardised(ppm, nucleus), torch.where(nucleus == CARBON, *both))
    assert float(both[CARBON][2]) == pytest.approx((20 - 97) / 52)


def test_scales_stay_bounded_and_every_atom_is_on_its_own():
    torch.manual_seed(0)
    head = ShiftHead(8)
    atoms = 1e4 * torch.randn(6, 8)
    together = head(atoms)
    assert together.log_scale.abs().max() == LARGEST_LOG_SCALE
    torch.testing.assert_close(head(atoms[2:3]).location, together.location[2:3])


def test_predictions_are_float32_under_mixed_precision():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        prediction = ShiftHead(8)(torch.randn(6, 8))
    assert {part.dtype for part in prediction} == {torch.float32}
