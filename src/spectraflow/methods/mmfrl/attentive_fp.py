"""AttentiveFP (Xiong et al. 2020) as a baseline: PyTorch Geometric's network on the graphs of the D-MPNN."""

from typing import TYPE_CHECKING

from torch import Tensor

from spectraflow.methods.mmfrl.fusion import GraphModel
from spectraflow.methods.mmfrl.settings import EncoderSettings

if TYPE_CHECKING:
    from chemprop.featurizers.molgraph.molecule import BatchCuikMolGraph


class AttentiveFingerprint(GraphModel):
    """Attention over neighbours, `depth` times, then over all atoms of a molecule, `steps` times."""

    def __init__(self, encoder: EncoderSettings, steps: int, targets: int) -> None:
        super().__init__()
        from torch_geometric.nn.models import AttentiveFP

        from spectraflow.nn.dmpnn import ATOM_WIDTH, BOND_WIDTH

        self.network = AttentiveFP(
            in_channels=ATOM_WIDTH[encoder.featuriser],
            hidden_channels=encoder.hidden,
            out_channels=targets,
            edge_dim=BOND_WIDTH,
            num_layers=encoder.depth,
            num_timesteps=steps,
            dropout=encoder.dropout,
        )

    def forward(self, graph: "BatchCuikMolGraph") -> Tensor:
        """Map B graphs to outputs (B, T)."""
        outputs: Tensor = self.network(graph.V, graph.edge_index, graph.E, graph.batch)
        return outputs
