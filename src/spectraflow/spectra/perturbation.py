"""Worse spectra for a trained model: noise, and modalities withheld (SymSpectra, Fig. 5)."""

import torch
from torch import Tensor


def with_noise(vectors: Tensor, present: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Return spectra with Gaussian noise of standard deviation `sigma` on every value, not clipped.

    The noise is absolute: a share of the highest peak where vectors reach 1, as NMR and infrared do; mass spectra, of
    Euclidean norm 1, are hit harder. Absent spectra stay zero.

    Args:
        vectors: (B, n, P).
        present: (B, n) bool.
        sigma: at least 0.
        generator: of the noise, on any device.
    """
    if sigma < 0:
        raise ValueError(f"a standard deviation of {sigma} is negative")
    noise = torch.randn(vectors.shape, generator=generator, device=generator.device).to(vectors)
    return torch.where(present[..., None], vectors + sigma * noise, vectors)


def without_modality(vectors: Tensor, present: Tensor, modality: int) -> tuple[Tensor, Tensor]:
    """Return copies of vectors (B, n, P) and presence (B, n) in which one modality is zero and absent."""
    vectors, present = vectors.clone(), present.clone()
    vectors[:, modality] = 0
    present[:, modality] = False
    return vectors, present
