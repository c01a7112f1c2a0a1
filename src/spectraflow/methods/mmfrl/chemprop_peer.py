"""chemprop as a baseline: its own model, loader and training loop, on the split that all models are measured on.

Differences from its command line are settings alone: mean instead of norm aggregation, and the atom features, widths
and rates of the run. Its scaffold splitter is not used.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
from chemprop.conf import LIGHTNING_26_COMPAT_ARGS
from chemprop.data import MoleculeDatapoint, MoleculeDataset, build_dataloader
from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
from chemprop.featurizers.atom import get_multi_hot_atom_featurizer
from chemprop.models import MPNN
from chemprop.nn import BinaryClassificationFFN, BondMessagePassing, MeanAggregation, RegressionFFN, UnscaleTransform
from lightning import pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import Tensor, nn

from spectraflow.methods.mmfrl.property_store import PropertyStore
from spectraflow.methods.mmfrl.settings import PropertyRun
from spectraflow.training.devices import job_device

WARMUP_EPOCHS = 2
LOWEST_SHARE = 0.1
"""Of the full learning rate, with which chemprop's schedule begins and ends."""
MONITOR = "val_loss"


def train_chemprop(settings: PropertyRun, store: PropertyStore, folder: Path) -> dict[str, np.ndarray]:
    """Train chemprop's MPNN on the training part and return its predictions (n, T) of val and test.

    The epoch with the lowest loss on val is kept, or the last one, as `settings.selection` says.

    Args:
        settings: encoder, head, fit and seed; the schedule is always chemprop's own.
        store: molecules, values and split.
        folder: where checkpoints lie while it trains; nothing stays there.

    Returns:
        probabilities of the positive class, or values in original units, in the order of `store.parts`.
    """
    torch.manual_seed(settings.training.seed)
    data = {part: _dataset(store, part, settings.encoder.featuriser) for part in ("train", "val", "test")}
    unscale: nn.Module | None = None
    if store.kind == "regression":
        scaler = data["train"].normalize_targets()
        data["val"].normalize_targets(scaler)
        unscale = UnscaleTransform.from_standard_scaler(scaler)
    size, seed = settings.training.batch_size, settings.training.seed
    loaders = {part: build_dataloader(one, size, shuffle=False, drop_last=False) for part, one in data.items()}
    loaders["train"] = build_dataloader(data["train"], size, seed=seed)
    model = build_mpnn(settings, store, unscale)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="chemprop-") as work, _without_advice():
        kept = ModelCheckpoint(work, monitor=MONITOR, mode="min", save_last=settings.selection == "last")
        trainer = _trainer(settings, kept)
        trainer.fit(model, loaders["train"], loaders["val"])
        path = kept.best_model_path if settings.selection == "best_val" else kept.last_model_path
        chosen = MPNN.load_from_checkpoint(path, map_location="cpu")
        found = {
            part: cast(list[Tensor], trainer.predict(chosen, loaders[part], **LIGHTNING_26_COMPAT_ARGS))
            for part in ("val", "test")
        }
    return {part: torch.cat(batches).double().numpy() for part, batches in found.items()}


def build_mpnn(settings: PropertyRun, store: PropertyStore, unscale: nn.Module | None = None) -> MPNN:
    """Return chemprop's model with the widths of the run; `unscale` turns its outputs into original units."""
    encoder, rate = settings.encoder, settings.training.learning_rate
    features = get_multi_hot_atom_featurizer(encoder.featuriser)
    head = BinaryClassificationFFN if store.kind == "classification" else RegressionFFN
    return MPNN(
        BondMessagePassing(d_v=len(features), d_h=encoder.hidden, depth=encoder.depth, dropout=encoder.dropout),
        MeanAggregation(),
        head(
            n_tasks=len(store.names),
            input_dim=encoder.hidden,
            hidden_dim=settings.head,
            dropout=encoder.dropout,
            output_transform=unscale,
        ),
        warmup_epochs=WARMUP_EPOCHS,
        init_lr=LOWEST_SHARE * rate,
        max_lr=rate,
        final_lr=LOWEST_SHARE * rate,
    )


def _dataset(store: PropertyStore, part: str, featuriser: str) -> MoleculeDataset:
    rows = store.parts[part].tolist()
    values = store.measured(part)
    points = [MoleculeDatapoint.from_smi(store.smiles[row], y) for row, y in zip(rows, values, strict=True)]
    graphs = SimpleMoleculeMolGraphFeaturizer(atom_featurizer=get_multi_hot_atom_featurizer(featuriser))
    data = MoleculeDataset(points, graphs)
    data.cache = True
    return data


def _trainer(settings: PropertyRun, kept: ModelCheckpoint) -> pl.Trainer:
    training, device = settings.training, job_device()
    callbacks: list[pl.Callback] = [kept]
    if training.early_stopping is not None:
        callbacks.append(EarlyStopping(MONITOR, patience=training.early_stopping, mode="min"))
    return pl.Trainer(
        accelerator="cpu" if device.type == "cpu" else "gpu",
        devices=1 if device.index is None else [device.index],
        max_epochs=training.epochs,
        callbacks=callbacks,
        gradient_clip_val=training.gradient_clip,
        deterministic=True,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextmanager
def _without_advice() -> Iterator[None]:
    """Silence Lightning's advice on workers and hardware, which would come with every run."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning(\.|$)")
            yield
    finally:
        log.setLevel(level)
