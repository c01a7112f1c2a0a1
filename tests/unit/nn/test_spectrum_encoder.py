import torch

from spectraflow.nn.projection import Projection
from spectraflow.nn.spectrum_encoder import SpectrumEncoder


def test_published_size_and_unit_length():
    encoder = SpectrumEncoder()
    assert sum(p.numel() for p in encoder.parameters()) == 2_338_720
    assert encoder.convolution(torch.zeros(1, 1, 4000)).shape == (1, 32, 21)
    spectra = (torch.rand(3, 4000) > 0.99).float()
    torch.testing.assert_close(encoder(spectra).norm(dim=1), torch.ones(3))


def test_projection_has_the_published_size():
    assert sum(p.numel() for p in Projection(768, 512).parameters()) == 657_408
    assert sum(p.numel() for p in Projection(128, 512).parameters()) == 329_728
