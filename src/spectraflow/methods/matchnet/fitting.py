"""What the matching network gives the fit loop: pairs of an epoch, loss, validation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import area_under_curve
from spectraflow.methods.matchnet.assignment import epoch_negatives
from spectraflow.methods.matchnet.batch import MatchBatch
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.pair_table import TRUE, Pairs
from spectraflow.methods.matchnet.settings import MatchnetRun, NetworkSettings
from spectraflow.store.batches import batches
from spectraflow.training.distributed import gathered, own_share
from spectraflow.training.fit import Record

EVALUATED_AT_ONCE = 256
ROUNDING = 1e-3
"""By which logits of the same input differ at most from batch to batch (convolutions in TF32)."""


class Carried:
    """A batch on its way into a model: Fabric, which would convert a batch for mixed precision, leaves this alone."""

    def __init__(self, batch: MatchBatch) -> None:
        self.batch = batch


class Trained(nn.Module):
    """A matching network as the fit loop calls it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, carried: Carried) -> Tensor:
        """Return logits (B,)."""
        logits: Tensor = self.network(carried.batch)
        return logits


@dataclass(frozen=True)
class Examples:
    """E pairs to learn from or to select by: owners and candidates (E,) int64 rows of a store; labels (E,) bool."""

    owners: np.ndarray
    candidates: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.owners)


def balanced(owners: np.ndarray, wrong: np.ndarray) -> Examples:
    """Return each owner (m,) once with itself and once with its wrong candidate (m,)."""
    labels = np.repeat([True, False], len(owners))
    return Examples(np.concatenate([owners, owners]), np.concatenate([owners, wrong]), labels)


def fixed_examples(settings: MatchnetRun, store: MatchStore, pairs: Pairs) -> Examples:
    """Return the pairs of a part with the negatives the settings ask for, once and for all.

    Half of each kind (mixed) is drawn by blocks of molecules that exchange candidates among themselves, and a limit is
    a draw of molecules whose negatives are found among them: either way every molecule is once right and once wrong.
    Raises InputError if the molecules are too few, or too alike, to get another's spectra.
    """
    owners = pairs.owners[pairs.sets == TRUE]
    generator = np.random.default_rng(settings.training.seed)
    limited = settings.limit is not None and pairs.part == "train" and settings.limit < len(owners)
    if limited:
        owners = np.sort(np.random.default_rng(0).permutation(owners)[: settings.limit])
    if limited or settings.negatives == "mixed":
        try:
            wrong = epoch_negatives(settings.negatives, owners, store.fingerprints, store.codes, generator)
        except ValueError as error:
            raise InputError(f"pairs of the part {pairs.part}: {error}") from None
        return balanced(owners, wrong)
    places = pairs.places_of(settings.negatives)
    return Examples(pairs.owners[places], pairs.candidates[places], pairs.labels[places])


def shuffled_labels(examples: Examples, seed: int) -> Examples:
    """Return the same pairs with their labels in random order: a control that can learn nothing."""
    order = np.random.default_rng(seed).permutation(len(examples))
    return Examples(examples.owners, examples.candidates, examples.labels[order])


@dataclass
class MatchTask:
    """A network, its training pairs and val: the epoch with the best accuracy at 0.5 there is kept, ties the first."""

    model: Trained
    store: MatchStore
    settings: MatchnetRun
    training: Examples
    val: Examples
    device: torch.device
    monitor: str = "val/error"
    shares_batches: ClassVar[bool] = True

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[MatchBatch]:
        """Yield shuffled full batches of training pairs, this process's share of each.

        In every epoch they have other negatives if the settings say so.
        """
        examples = self._of_epoch(epoch)
        moved = on_device(examples, self.device)
        for rows in batches(torch.arange(len(examples)), self.settings.training.batch_size, generator):
            yield pair_batch(self.store, moved, own_share(rows).to(self.device), self.settings.network)

    def _of_epoch(self, epoch: int) -> Examples:
        if not self.settings.resample:
            return self.training
        owners = np.unique(self.training.owners)
        generator = np.random.default_rng([self.settings.training.seed, epoch])
        wrong = epoch_negatives(self.settings.negatives, owners, self.store.fingerprints, self.store.codes, generator)
        examples = balanced(owners, wrong)
        return shuffled_labels(examples, epoch) if self.settings.permuted_labels else examples

    def loss(self, model: nn.Module, batch: MatchBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the cross-entropy of a batch and its accuracy."""
        logits, labels = gathered(model(Carried(batch)).float()), gathered(batch.labels)
        right = ((logits >= 0) == (labels > 0.5)).float().mean()
        return binary_cross_entropy_with_logits(logits, labels), {"accuracy": right.detach()}

    def validate(self, model: nn.Module) -> Record:
        """Return accuracy, area under the curve and 1 - accuracy of the val pairs."""
        logits = logits_of(model, self.store, self.val, self.settings.network, self.device)
        accuracy = float(((logits >= 0) == self.val.labels).mean())
        return {
            "val/error": 1 - accuracy,
            "val/accuracy": accuracy,
            "val/auc": area_under_curve(self.val.labels, logits),
        }


def on_device(examples: Examples, device: torch.device) -> dict[str, Tensor]:
    """Return owners, candidates (int64) and labels (float32) as tensors."""
    return {
        "owners": torch.from_numpy(examples.owners).to(device),
        "candidates": torch.from_numpy(examples.candidates).to(device),
        "labels": torch.from_numpy(examples.labels).float().to(device),
    }


def pair_batch(store: MatchStore, moved: dict[str, Tensor], rows: Tensor, settings: NetworkSettings) -> MatchBatch:
    """Assemble the pairs `rows` (B,)."""
    return store.batch(moved["owners"][rows], moved["candidates"][rows], moved["labels"][rows], settings)


@torch.no_grad()
def logits_of(
    model: nn.Module, store: MatchStore, pairs: Any, settings: NetworkSettings, device: torch.device
) -> np.ndarray:
    """Return the logits (n,) float64 of pairs with owners, candidates and labels; the model must be in eval mode.

    Those of a blind model are freed of rounding; see `_without_rounding`.
    """
    moved = on_device(Examples(pairs.owners, pairs.candidates, pairs.labels), device)
    rows = torch.arange(len(pairs.owners), device=device)
    found = [
        model(Carried(pair_batch(store, moved, chunk, settings))).double().cpu()
        for chunk in rows.split(EVALUATED_AT_ONCE)
    ]
    return _without_rounding(torch.cat(found).numpy(), pairs, settings) if len(rows) else np.zeros(0)


def _without_rounding(logits: np.ndarray, pairs: Any, settings: NetworkSettings) -> np.ndarray:
    """Return logits (n,), those of a blind model equal wherever it is shown the same.

    They differ by rounding, which depends on size and place in the batch, while the AUC of the control is a matter of
    ties alone. Logits further apart stay: a model that sees what it should be blind to must not look blind.
    """
    if settings.blind == "none":
        return logits
    seen = pairs.owners if settings.blind == "molecule" else pairs.candidates
    _, first, place = np.unique(seen, return_index=True, return_inverse=True)
    shared = logits[first][place]
    rounded: np.ndarray = np.where(np.abs(logits - shared) <= ROUNDING * np.maximum(1, np.abs(shared)), shared, logits)
    return rounded
