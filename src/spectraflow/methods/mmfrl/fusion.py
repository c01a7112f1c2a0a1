"""Models of properties from one or several graph encoders: concatenated (intermediate fusion) or voting (late fusion).

Paper, equations 8 to 11. Early fusion mixes the targets of pre-training and is a single encoder here.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from spectraflow.methods.mmfrl.heads import CoefficientNetwork, PropertyHead

if TYPE_CHECKING:
    from chemprop.featurizers.molgraph.molecule import BatchCuikMolGraph


class GraphModel(nn.Module, ABC):
    """A model that reads graphs and returns (B, T) logits or standardised values."""

    @abstractmethod
    def forward(self, graph: "BatchCuikMolGraph") -> Tensor:
        """Map B graphs to outputs (B, T)."""


class EncoderFusion(GraphModel):
    """K encoders f_k whose embeddings (B, d) are put together; all of them are trained."""

    def __init__(self, encoders: Sequence[nn.Module]) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)

    def features(self, graph: "BatchCuikMolGraph") -> list[Tensor]:
        """Return the embedding of every encoder, K times (B, d)."""
        return [encoder(graph) for encoder in self.encoders]

    @abstractmethod
    def outputs(self, features: Sequence[Tensor]) -> Tensor:
        """Map K embeddings (B, d) to outputs (B, T)."""

    def forward(self, graph: "BatchCuikMolGraph") -> Tensor:
        """Map B graphs to outputs (B, T)."""
        return self.outputs(self.features(graph))


class IntermediateFusion(EncoderFusion):
    """g = ReLU(Linear([f_1 .. f_K])), y = Linear(g); with one encoder it is a plain D-MPNN with its head."""

    def __init__(
        self, encoders: Sequence[nn.Module], width: int, hidden: int, targets: int, dropout: float = 0.0
    ) -> None:
        super().__init__(encoders)
        self.head = PropertyHead(len(encoders) * width, hidden, targets, dropout)

    def fused(self, features: Sequence[Tensor]) -> Tensor:
        """Map K embeddings (B, d) to the fused one, g (B, hidden)."""
        return self.head.hidden(torch.cat(list(features), dim=1))

    def outputs(self, features: Sequence[Tensor]) -> Tensor:
        """Map K embeddings (B, d) to outputs (B, T)."""
        return self.head.outputs(self.fused(features))


class LateFusion(EncoderFusion):
    """y = sum over all k of c_k(f_k) p_k(f_k): a prediction and a coefficient from each encoder.

    The sum is of logits, and the same in training and evaluation. The public code sums three of the encoders alone, and
    evaluates with a sigmoid inside the sum as well; neither is followed.
    """

    def __init__(
        self,
        encoders: Sequence[nn.Module],
        width: int,
        hidden: int,
        targets: int,
        dropout: float = 0.0,
        coefficients: Literal["none", "softmax"] = "none",
    ) -> None:
        super().__init__(encoders)
        self.heads = nn.ModuleList([PropertyHead(width, hidden, targets, dropout) for _ in encoders])
        self.weighers = nn.ModuleList([CoefficientNetwork(width) for _ in encoders])
        self.normalised = coefficients == "softmax"

    def coefficients(self, features: Sequence[Tensor]) -> Tensor:
        """Map K embeddings (B, d) to the coefficients c (B, K)."""
        found = torch.stack([weigh(one) for weigh, one in zip(self.weighers, features, strict=True)], dim=1)
        return found.softmax(dim=1) if self.normalised else found

    def parts(self, features: Sequence[Tensor]) -> Tensor:
        """Map K embeddings (B, d) to the predictions p of each encoder, (B, K, T)."""
        return torch.stack([head(one) for head, one in zip(self.heads, features, strict=True)], dim=1)

    def outputs(self, features: Sequence[Tensor]) -> Tensor:
        """Map K embeddings (B, d) to outputs (B, T)."""
        return (self.coefficients(features)[..., None] * self.parts(features)).sum(dim=1)
