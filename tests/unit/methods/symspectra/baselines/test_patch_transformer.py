import math

import pytest
import torch
from torch.nn import functional as F

from spectraflow.methods.symspectra.baselines.patch_transformer import PatchAttention, PatchTransformer, quantise
from tests.unit.methods.symspectra.baselines.small_networks import SMALL, check_network, make_batch, predict, select


def test_network():
    check_network(lambda: PatchTransformer(3, 5, SMALL), rate=0.005)


def test_levels_span_the_range_of_a_spectrum():
    levels = quantise(torch.tensor([[-0.2, 0.3, 0.8], [5.0, 5.0, 5.0]]))
    assert levels.tolist() == [[0, 50, 99], [0, 0, 0]]


@pytest.mark.parametrize("size", [1, 8])
def test_lookups_equal_attention_over_embedded_points(size):
    torch.manual_seed(0)
    model = PatchAttention(size, 12, 3, 0.0)
    levels = torch.randint(0, 100, (20, size))
    levels[:4] = levels[:4, :1]  # patches of one level
    embedded = model.levels(levels)
    query, key, value = (x.unflatten(2, (3, 4)).transpose(1, 2) for x in model.projection(embedded).chunk(3, dim=2))
    attended = F.scaled_dot_product_attention(query, key, value, scale=1 / math.sqrt(4)).transpose(1, 2).flatten(2)
    torch.testing.assert_close(model(levels), model.patch(model.behind(attended).flatten(1)), atol=1e-5, rtol=1e-4)


def test_scale_and_offset_of_a_spectrum_do_not_matter(batch):
    model = PatchTransformer(3, 5, SMALL)
    other = select(batch, slice(None))
    other.vectors.copy_(batch.vectors)
    scaled = make_batch()
    scaled.vectors.mul_(4).add_(1)
    torch.testing.assert_close(predict(model, scaled), predict(model, batch), atol=1e-3, rtol=1e-2)


def test_a_last_incomplete_patch_is_filled():
    odd = SMALL.model_copy(update={"patch": 70})
    model = PatchTransformer(3, 5, odd)
    assert model.count == 9
    assert predict(model, make_batch()).shape == (8, 5)
