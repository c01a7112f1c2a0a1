"""The small graph network that scores functional groups for the order `gnn` (SymSpectra, Appendix L.3)."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GCNConv

EPOCHS = 300
LEARNING_RATE = 1e-2


class OrderNetwork(nn.Module):
    """GCN, GAT with four heads, GCN over K nodes with one-hot features, and a linear score (eqs. 48 to 51)."""

    def __init__(self, nodes: int, hidden: int = 64, dim: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.first = GCNConv(nodes, hidden)
        self.second = GATConv(hidden, hidden // heads, heads=heads)
        self.third = GCNConv(hidden, dim)
        self.score = nn.Linear(dim, 1)

    def forward(self, edges: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return embeddings (K, dim) and scores (K,) of a graph with edges (2, E) weighted by (E,)."""
        nodes = torch.eye(self.first.in_channels)
        hidden = self.first(nodes, edges, weights).relu()
        hidden = self.second(hidden, edges).relu()
        embedded = self.third(hidden, edges)
        return embedded, self.score(embedded).squeeze(-1)


def learnt_order_scores(
    phi: NDArray[np.float64], entropy: NDArray[np.float64], *, threshold: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the score (K,) of each label and the cosines (K, K) of their embeddings.

    The network is trained to tell joined pairs (phi above `threshold`) from others by the scalar products of embeddings
    and to score labels by their entropy: the paper names no objective, and ascending entropy gives the order it prints.
    The same seed gives the same scores on one machine.
    """
    joined = torch.from_numpy(np.argwhere(phi > threshold)).T.contiguous()
    weights = torch.from_numpy(phi[phi > threshold]).float()
    target, wanted = torch.from_numpy(phi > threshold).float(), torch.from_numpy(entropy).float()
    others = ~torch.eye(len(phi), dtype=torch.bool)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        network = OrderNetwork(len(phi))
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        for _ in range(EPOCHS):
            embedded, score = network(joined, weights)
            loss = F.mse_loss(score, wanted)
            if len(phi) > 1:
                loss = loss + F.binary_cross_entropy_with_logits((embedded @ embedded.T)[others], target[others])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        embedded, score = network(joined, weights)
        unit = F.normalize(embedded, dim=1)
        return score.double().numpy(), (unit @ unit.T).double().numpy()
