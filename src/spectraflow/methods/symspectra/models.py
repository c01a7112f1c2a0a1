"""Any model of functional groups with what it needs to be built, saved, loaded and asked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.boosted_trees import BoostedTrees
from spectraflow.methods.symspectra.baselines.build import build_baseline, build_tabular
from spectraflow.methods.symspectra.baselines.commonest import Commonest
from spectraflow.methods.symspectra.batch import GroupModel
from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.fitting import Trained, predict
from spectraflow.methods.symspectra.settings import SymspectraRun
from spectraflow.methods.symspectra.symspectra import SymSpectra
from spectraflow.training.checkpoint import load_checkpoint, save_checkpoint
from spectraflow.training.seeds import WEIGHTS_EPOCH, epoch_seed, seed_torch

TABULAR = ("xgboost", "commonest")


@dataclass(frozen=True)
class Context:
    """What of the training part a model is built with.

    `names` of the K groups, `order` in which they are decided, `base_rates` (K,) in the training part, `vocabulary` of
    tokens.
    """

    names: list[str]
    order: list[int]
    base_rates: list[float]
    vocabulary: list[str]


@dataclass(frozen=True)
class Fitted:
    """A trained model with its settings and context."""

    settings: SymspectraRun
    context: Context
    model: GroupModel | BoostedTrees | Commonest

    def predict(self, store: SpectraStore, rows: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return labels (R, K) bool and probabilities (R, K) of the molecules `rows`."""
        if isinstance(self.model, GroupModel):
            return predict(Trained(self.model).eval(), store, rows)
        found = self.model.probabilities(flat_vectors(store, rows))
        return store.labels[rows].cpu().numpy() > 0.5, found.astype(np.float64)

    def save(self, path: Path) -> None:
        """Write weights, settings and context as one safetensors file."""
        tensors = dict(self.model.state_dict()) if isinstance(self.model, GroupModel) else self.model.tensors()
        save_checkpoint(
            path, tensors, {"settings": self.settings.model_dump(mode="json"), "context": vars(self.context)}
        )


def flat_vectors(store: SpectraStore, rows: Tensor) -> np.ndarray:
    """Return the vectors of `rows` side by side, (R, 600 n) float32, NaN where a modality is missing."""
    batch = store.batch(rows)
    values = torch.where(batch.present[..., None], batch.vectors, torch.nan)
    return values.flatten(1).cpu().numpy()


def build_model(settings: SymspectraRun, context: Context) -> GroupModel:
    """Return a freshly initialised network, the same for the same seed."""
    seed_torch(epoch_seed(settings.training.seed, WEIGHTS_EPOCH))
    if settings.kind == "symspectra":
        rates = torch.tensor(context.base_rates)
        return SymSpectra(settings.modalities, context.order, rates, settings.network, settings.objective)
    return build_baseline(
        settings.kind, settings.modalities, context.names, settings.baseline, context.vocabulary, context.order
    )


def load_model(path: Path) -> Fitted:
    """Return the trained model that `Fitted.save` wrote; networks are in eval mode. Raises InputError if it is none."""
    tensors, state = load_checkpoint(path)
    try:
        settings, context = SymspectraRun.model_validate(state["settings"]), Context(**state["context"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a model of functional groups ({error})") from None
    if settings.kind in TABULAR:
        kind = type(build_tabular(settings.kind, settings.baseline))
        return Fitted(settings, context, kind.from_tensors(settings.baseline, tensors))
    network = build_model(settings, context)
    network.load_state_dict(tensors)
    return Fitted(settings, context, network.eval())
