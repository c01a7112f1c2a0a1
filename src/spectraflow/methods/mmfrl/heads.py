"""What turns embeddings of molecules into predicted properties."""

from torch import Tensor, nn

COEFFICIENT_WIDTHS = (100, 33)


class PropertyHead(nn.Module):
    """Linear, ReLU, Linear from an embedding (B, width) to T outputs: logits, or values in standardised units.

    The first half is apart as `hidden`: after intermediate fusion it is the fused embedding.
    """

    def __init__(self, width: int, hidden: int, targets: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.first = nn.Linear(width, hidden)
        self.last = nn.Linear(hidden, targets)

    def hidden(self, embeddings: Tensor) -> Tensor:
        """Map (B, width) to (B, hidden)."""
        hidden: Tensor = self.first(self.dropout(embeddings)).relu()
        return hidden

    def outputs(self, hidden: Tensor) -> Tensor:
        """Map (B, hidden) to (B, T)."""
        outputs: Tensor = self.last(self.dropout(hidden))
        return outputs

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map (B, width) to (B, T)."""
        return self.outputs(self.hidden(embeddings))


class CoefficientNetwork(nn.Sequential):
    """The weight of one modality's prediction: width -> 100 -> 33 -> 1 with ReLU, a number a molecule."""

    def __init__(self, width: int) -> None:
        first, second = COEFFICIENT_WIDTHS
        super().__init__(nn.Linear(width, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, 1))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map (B, width) to (B,)."""
        coefficients: Tensor = super().forward(embeddings)
        return coefficients.squeeze(1)
