"""Projection into a joint space."""

from torch import Tensor, nn
from torch.nn import functional


class Projection(nn.Module):
    """a = Linear(x); y = LayerNorm(a + Dropout(Linear(GELU(a)))) (K-M3AID reference section 3).

    Scores are plain dot products of y, which is not normalised to unit length.
    """

    def __init__(self, inputs: int, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, width)
        self.residual = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., width)."""
        a = self.input(x)
        return self.norm(a + self.dropout(self.residual(functional.gelu(a))))
