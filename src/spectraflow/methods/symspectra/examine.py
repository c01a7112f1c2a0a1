"""What a trained SymSpectra does inside, and what it still finds in worse spectra (Figs. 5, 7, 8, 9; Table 7)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.evaluation.classification import group_metrics
from spectraflow.files import write_json
from spectraflow.methods.symspectra.batch import SpectraBatch
from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.fitting import EVALUATED_AT_ONCE
from spectraflow.methods.symspectra.models import load_model
from spectraflow.methods.symspectra.normality import normality
from spectraflow.methods.symspectra.symspectra import SymSpectra, importance
from spectraflow.methods.symspectra.train import Tables, read_data
from spectraflow.methods.symspectra.weights import dynamic_weights, pointwise_cmi
from spectraflow.spectra.perturbation import with_noise, without_modality
from spectraflow.training import run_folder
from spectraflow.training.devices import job_device
from spectraflow.training.seeds import seed_torch

NOISE = (0.02, 0.04, 0.06, 0.08, 0.1)
EXTREMES = 5
_SCORES = ("groups/micro_f1", "groups/macro_f1_present", "groups/exact_match")

Change = Callable[[SpectraBatch], SpectraBatch]


def examine(run: Path, tables: Tables, out: Path, seed: int = 0) -> dict[str, Any]:
    """Write and return, as JSON values, what a trained SymSpectra does on the test part.

    ``missing``: scores without each modality; ``noise``: scores with Gaussian noise of 0 to 0.1; ``importance``: mean
    share kept of each token, over all molecules and over those with most and with fewest groups; ``weights``: of
    samples by number of groups, and of labels, over the training part; ``normality`` of the compressed features.
    Raises InputError if the run is another model.
    """
    fitted = load_model(run / run_folder.WEIGHTS)
    model = fitted.model
    if not isinstance(model, SymSpectra):
        raise InputError(f"{run}: a {fitted.settings.kind}; only SymSpectra has gates and weights to look into")
    data, device = read_data(fitted.settings, tables), job_device()
    model, store = model.to(device), data.store.to(device)
    test, training = (data.parts[part].to(device) for part in ("test", "train"))
    found = {
        "missing": _missing(model, store, test, seed),
        "noise": _noise(model, store, test, seed),
        "importance": _importance(model, store, test),
        "weights": _weights(model, store, training),
        "normality": _normality(model, store, test, seed),
    }
    write_json(out, found)
    return found


@torch.no_grad()
def _scores(model: SymSpectra, store: SpectraStore, rows: Tensor, change: Change, seed: int) -> dict[str, Any]:
    batches = list(_batches(store, rows))
    probabilities = torch.cat([model.probabilities(change(batch)).double() for batch in batches]).cpu().numpy()
    labels = torch.cat([batch.labels for batch in batches]).cpu().numpy() > 0.5
    metrics = group_metrics(labels, probabilities, store.names, seed)
    return {name: metrics[name].as_dict() for name in _SCORES}


def _batches(store: SpectraStore, rows: Tensor) -> Iterator[SpectraBatch]:
    yield from (store.batch(chunk) for chunk in rows.split(EVALUATED_AT_ONCE))


def _missing(model: SymSpectra, store: SpectraStore, rows: Tensor, seed: int) -> dict[str, Any]:
    found = {"none": _scores(model, store, rows, lambda batch: batch, seed)}
    if len(store.modalities) == 1:
        return found
    for place, name in enumerate(store.modalities):

        def withheld(batch: SpectraBatch, place: int = place) -> SpectraBatch:
            vectors, present = without_modality(batch.vectors, batch.present, place)
            return replace(batch, vectors=vectors, present=present)

        found[name] = _scores(model, store, rows, withheld, seed)
    return found


def _noise(model: SymSpectra, store: SpectraStore, rows: Tensor, seed: int) -> dict[str, Any]:
    found = {"0": _scores(model, store, rows, lambda batch: batch, seed)}
    for sigma in NOISE:
        generator = torch.Generator().manual_seed(seed)

        def noisy(batch: SpectraBatch, sigma: float = sigma, generator: torch.Generator = generator) -> SpectraBatch:
            return replace(batch, vectors=with_noise(batch.vectors, batch.present, sigma, generator))

        found[str(sigma)] = _scores(model, store, rows, noisy, seed)
    return found


@torch.no_grad()
def _importance(model: SymSpectra, store: SpectraStore, rows: Tensor) -> dict[str, Any]:
    """Return mean shares kept by token, (150,) a modality, and the mean over all tokens by number of groups."""
    kept = torch.cat([importance(model.network(batch).gated) for batch in _batches(store, rows)]).cpu().numpy()
    counts = (store.labels[rows].sum(1)).long().cpu().numpy()
    order = np.argsort(counts, kind="stable")
    chosen = {"all": order, "fewest groups": order[:EXTREMES], "most groups": order[-EXTREMES:]}
    by_token = {
        name: {words: kept[which, i].mean(0).tolist() for words, which in chosen.items()}
        for i, name in enumerate(store.modalities)
    }
    by_count = {str(count): float(kept[counts == count].mean()) for count in np.unique(counts).tolist()}
    return {"by_token": by_token, "by_groups": by_count}


@torch.no_grad()
def _weights(model: SymSpectra, store: SpectraStore, rows: Tensor) -> dict[str, Any]:
    """Return mean weights of training samples by number of groups, and of labels over all and over positives."""
    if model.network.settings.auxiliary == "none":
        return {}
    cmi = torch.cat([_cmi(model, batch) for batch in _batches(store, rows)])
    samples, features = dynamic_weights(cmi, model.objective.sample_scale, model.objective.feature_scale)
    labels = store.labels[rows]
    counts = labels.sum(1).long()
    positives = (features * labels).sum(0) / labels.sum(0)
    return {
        "samples_by_groups": {str(n): float(samples[counts == n].mean()) for n in counts.unique().tolist()},
        "labels": dict(zip(store.names, features.mean(0).tolist(), strict=True)),
        "labels_of_positives": {
            name: value for name, value in zip(store.names, positives.tolist(), strict=True) if np.isfinite(value)
        },
    }


def _cmi(model: SymSpectra, batch: SpectraBatch) -> Tensor:
    passed = model.network(batch)
    compressed, means = [one.compressed for one in passed.gated], [one.moments[0] for one in passed.gated]
    auxiliary = model.network.without_each(compressed, means, batch.present)
    return pointwise_cmi(passed.main, auxiliary, batch.labels, model.objective.cmi_reduce)


@torch.no_grad()
def _normality(model: SymSpectra, store: SpectraStore, rows: Tensor, seed: int) -> dict[str, Any]:
    """Return normality tests of the sums over tokens of compressed features with their noise, channel by channel."""
    seed_torch(seed)
    sums: dict[str, list[Tensor]] = {name: [] for name in store.modalities}
    for batch in _batches(store, rows):
        for name, one in zip(store.modalities, model.network(batch).gated, strict=True):
            mean, spread = one.moments
            noise = mean + spread * model.network.gate(name).draw(one.tokens)
            share = one.kept[..., None]
            sums[name].append((share * one.tokens + (1 - share) * noise).sum(1))
    return {name: normality(torch.cat(parts).cpu().numpy(), seed=seed) for name, parts in sums.items()}
