"""What pre-training gives the fit loop: a D-MPNN whose similarities are to become those of a modality."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from chemprop.featurizers.molgraph.molecule import BatchCuikMolGraph
from scipy.stats import rankdata
from torch import Tensor, nn

from spectraflow.methods.mmfrl.pretraining_parts import even_batches
from spectraflow.methods.mmfrl.pretraining_store import PretrainingStore, used_modalities
from spectraflow.methods.mmfrl.relational_loss import (
    RelationalLoss,
    cosines,
    mixed_rows,
    relational_loss,
    target_rows,
)
from spectraflow.methods.mmfrl.settings import Modality, PretrainingRun
from spectraflow.methods.mmfrl.temperatures import find_temperature
from spectraflow.nn.dmpnn import Dmpnn, mean_of_atoms
from spectraflow.nn.projection import Projection
from spectraflow.store.batches import batches
from spectraflow.training.distributed import gathered, own_share
from spectraflow.training.fit import Record
from spectraflow.training.seeds import epoch_seed

RANKED = 512
"""Molecules or carbons of a batch at most whose pairs are ranked."""
TEMPERATURE_BATCHES = 8
TEMPERATURE_EPOCH = 2**31 + 1
"""The epoch whose seed draws the batches that temperatures are found with."""


class Carried:
    """A graph on its way into the encoder, with the atoms whose states are wanted: Fabric leaves this alone."""

    def __init__(self, graph: BatchCuikMolGraph, atoms: Tensor | None) -> None:
        self.graph, self.atoms = graph, atoms


class Batch(NamedTuple):
    """rows (B,) of all processes, which the targets are those of, and the graphs of this process's share."""

    rows: Tensor
    carried: Carried


class Learner(nn.Module):
    """The encoder, and perhaps a projection that is discarded after pre-training."""

    def __init__(self, settings: PretrainingRun) -> None:
        super().__init__()
        self.encoder = Dmpnn(**settings.encoder.model_dump(), initialisation="default")
        width = self.encoder.width
        self.projection = Projection(width, width) if settings.loss.projection == "mlp" else nn.Identity()

    def forward(self, carried: Carried) -> Tensor:
        """Return embeddings (n, d): of the carried atoms, or of the molecules if no atoms are named."""
        states = self.encoder.atoms(carried.graph)
        wanted = mean_of_atoms(states, carried.graph) if carried.atoms is None else states[carried.atoms]
        embeddings: Tensor = self.projection(wanted)
        return embeddings


@dataclass
class PretrainingTask:
    """A D-MPNN and its targets; the epoch with the lowest excess loss on held-out molecules is kept.

    temperatures: of the targets of each modality.
    """

    model: Learner
    store: PretrainingStore
    settings: PretrainingRun
    temperatures: Mapping[Modality, float]
    monitor: str = "val/excess"
    shares_batches: ClassVar[bool] = True

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[Batch]:
        """Yield shuffled full batches of the training part, this process's share of each."""
        for rows in batches(self.store.parts.train, self.settings.training.batch_size, generator):
            yield Batch(rows, self._carried(own_share(rows)))

    def _carried(self, rows: Tensor) -> Carried:
        atoms = self.store.carbon_atoms(rows) if self.settings.modality == "peak" else None
        return Carried(self.store.graphs.batch(rows), atoms)

    def targets(self, rows: Tensor) -> Tensor:
        """Return the target rows (n, n) of the molecules `rows` or, for peak, of their carbons."""
        loss = self.settings.loss
        found = {
            name: target_rows(self.store.similarity(name, rows, loss), tau, loss.include_self)
            for name, tau in self.temperatures.items()
        }
        return mixed_rows(found, self.settings.weights) if self.settings.modality == "early" else found.popitem()[1]

    def _relational(self, embeddings: Tensor, targets: Tensor) -> RelationalLoss:
        loss = self.settings.loss
        return relational_loss(
            embeddings,
            targets,
            loss.tau_student,
            include_self=loss.include_self,
            columns=loss.direction == "row+col",
        )

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the relational loss of all processes' molecules, and its excess over the lowest possible value."""
        found = self._relational(gathered(model(batch.carried)), self.targets(batch.rows))
        return found.value, {"excess": found.excess}

    def validate(self, model: nn.Module) -> Record:
        """Return loss and excess on the held-out molecules, and how well similarities are ranked there.

        val/spearman is the rank correlation of embeddings' and target similarities over pairs of a batch; for early
        fusion, which has no similarity, over the target rows.
        """
        sums = np.zeros(3)
        rows_held = self.store.parts.held_out
        for rows in even_batches(rows_held, self.settings.training.batch_size):
            embeddings, targets = model(self._carried(rows)).float(), self.targets(rows)
            found = self._relational(embeddings, targets)
            wanted = targets if self.settings.modality == "early" else self._similarity(rows)
            figures = float(found.value), float(found.excess), _rank_correlation(cosines(embeddings), wanted)
            sums += len(rows) * np.array(figures)
        loss, excess, spearman = (sums / len(rows_held)).tolist()
        return {"val/loss": loss, "val/excess": excess, "val/spearman": spearman}

    def _similarity(self, rows: Tensor) -> Tensor:
        (modality,) = used_modalities(self.settings)
        return self.store.similarity(modality, rows, self.settings.loss)


def _rank_correlation(one: Tensor, other: Tensor) -> float:
    """Return Spearman's correlation of two matrices (n, n) off their diagonals; 0 if one of them is constant."""
    pairs = ~np.eye(min(RANKED, len(one)), dtype=bool)
    ranks = [rankdata(matrix[:RANKED, :RANKED].detach().cpu().numpy()[pairs]) for matrix in (one, other)]
    if any(np.ptp(values) == 0 for values in ranks if len(values)) or not ranks[0].size:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def find_temperatures(store: PretrainingStore, settings: PretrainingRun) -> dict[Modality, float]:
    """Return the temperature of the targets of each modality: the one that is set, or one found on training batches.

    Raises ConfigError if none gives the wanted number of neighbours.
    """
    loss = settings.loss
    if loss.tau_target != "auto":
        return dict.fromkeys(used_modalities(settings), loss.tau_target)
    generator = torch.Generator().manual_seed(epoch_seed(settings.training.seed, TEMPERATURE_EPOCH))
    drawn = list(batches(store.parts.train, settings.training.batch_size, generator))[:TEMPERATURE_BATCHES]
    return {
        name: find_temperature(
            [store.similarity(name, rows, loss) for rows in drawn], loss.effective_neighbours, loss.include_self
        )
        for name in used_modalities(settings)
    }
