"""The trained shift network as a predictor of whole molecules."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spectraflow.methods.shifts.model import ShiftNetwork
from spectraflow.methods.shifts.prediction import PredictedShifts, targets_of
from spectraflow.nn.shift_head import in_ppm
from spectraflow.store.batches import padded_batches
from spectraflow.store.closed_walks import closed_walks
from spectraflow.store.graphs import GraphStore
from spectraflow.store.ragged import Ragged


@dataclass(frozen=True)
class NetworkPredictor:
    """A network in eval mode on its device; predictions are for an unreported solvent."""

    network: ShiftNetwork

    @torch.inference_mode()
    def predict(self, graphs: GraphStore) -> PredictedShifts:
        """Return the shifts of all carbons and of the protons on all atoms that bear any.

        Molecules are taken in order of size, so that few large ones do not widen the batches of small ones.
        """
        carbons, protons = targets_of(graphs)
        order = torch.argsort(graphs.atoms.counts, stable=True)
        values = [torch.zeros(len(wanted.values), 2) for wanted in (carbons, protons)]
        device = next(self.network.parameters()).device
        for rows in padded_batches(order, graphs.atoms.counts[order]):
            graph = graphs.batch(rows)
            first = graph.first_atom
            moved = type(graph)(*(part.to(device) for part in graph))
            h = self.network.encode(moved, closed_walks(moved))
            for nucleus, wanted in enumerate((carbons, protons)):
                atom, molecule, _ = wanted.take(rows)
                prediction = self.network.predict(h, (atom + first[molecule]).to(device), nucleus)
                values[nucleus][_places(wanted, rows)] = torch.stack(in_ppm(prediction, nucleus), dim=1).cpu()
        parts = [
            Ragged(torch.cat([wanted.values.float()[:, None], found], 1), wanted.offsets)
            for wanted, found in zip((carbons, protons), values, strict=True)
        ]
        return PredictedShifts(graphs.molecule_ids, *parts)


def _places(ragged: Ragged, rows: Tensor) -> Tensor:
    """Return the positions in `ragged.values` of the values of `rows`, in their order."""
    return Ragged(torch.arange(len(ragged.values)), ragged.offsets).take(rows)[0]
