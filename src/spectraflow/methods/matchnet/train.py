"""Training, or fitting, and evaluation of one matching model."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.evaluate import Asked, evaluate
from spectraflow.methods.matchnet.feature_store import read_description, require_features_of
from spectraflow.methods.matchnet.fitting import Examples, MatchTask, Trained, fixed_examples, shuffled_labels
from spectraflow.methods.matchnet.inputs import Inputs
from spectraflow.methods.matchnet.matchers import Matcher, NetworkMatcher, ScoredPairs, build_network, save_network
from spectraflow.methods.matchnet.network import parameter_totals
from spectraflow.methods.matchnet.pair_table import Pairs, read_pairs
from spectraflow.methods.matchnet.settings import MatchnetRun
from spectraflow.provenance import git_commit
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import fit_identity, save_checkpoint
from spectraflow.training.devices import make_fabric, peak_memory
from spectraflow.training.fit import History
from spectraflow.training.recorded_fit import forget_checkpoint, recorded_fit
from spectraflow.training.tracking import Mirror

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Data:
    """The molecules of a run and its pairs by part."""

    store: MatchStore
    pairs: dict[str, Pairs]

    @property
    def sizes(self) -> dict[str, dict[str, int]]:
        """Return the number of pairs of each set of each part."""
        return {part: dict(sorted(Counter(pairs.sets.tolist()).items())) for part, pairs in self.pairs.items()}


def read_data(settings: MatchnetRun, inputs: Inputs) -> Data:
    """Return what a run trains and is tested on; raises ConfigError or InputError if a file is missing or unusable."""
    inputs.check(settings)
    features = inputs.features if settings.reads_images else None
    if features is not None:
        require_features_of(features, settings)
    store = MatchStore.read(inputs.spectra, inputs.rendered, features)
    _require_columns(store, settings, inputs.rendered)
    return Data(store, {part: read_pairs(inputs.pairs, store, part) for part in ("train", "val", "test")})


def _require_columns(store: MatchStore, settings: MatchnetRun, rendered: Path) -> None:
    assert store.columns is not None  # the rendered spectra were read
    width, wanted = store.columns["1H"].shape[2], settings.rendering.columns
    if width != wanted:
        raise InputError(f"{rendered}: spectra of {width} columns, but the model's rendering has {wanted}")


def train(
    settings: MatchnetRun,
    inputs: Inputs,
    out: Path,
    checkpoints: Path,
    *,
    data_version: str = "unknown",
    uri: str | None = None,
) -> None:
    """Train or fit a matching model, evaluate it on val and test, and fill the run folder `out`.

    A checkpoint in `checkpoints` written for the same settings, code and inputs is gone on from, and removed at the
    end.
    """
    fabric = make_fabric(settings.training.precision)
    data = read_data(settings, inputs)
    out.mkdir(parents=True, exist_ok=True)
    mirror = Mirror(out, uri)
    description = _description(settings, data, inputs, out, data_version, str(fabric.device))
    if fabric.is_global_zero:
        run_folder.write_settings(out, description)
    started = time.perf_counter()
    if settings.kind == "network":
        data = replace(data, store=data.store.to(fabric.device))
        matcher, history = _fit_network(settings, data, inputs, out, checkpoints, fabric, mirror)
    else:
        matcher, history = _fit_comparator(settings, data, inputs, out), History()
        run_folder.write_history(out, [])
    # a resumed fit counts the epochs before it was killed as well
    seconds = sum(record["seconds"] for record in history.records) or time.perf_counter() - started
    cost = {"seconds": seconds, "peak_memory_gb": peak_memory(fabric.device)}
    found = evaluate(Asked(matcher, data.store, data.pairs, settings, inputs), out / run_folder.GROUP_PREDICTIONS)
    metrics = {
        "best_epoch": history.best_epoch,
        "epochs": len(history.records),
        "selection": "val",
        "cost": cost,
        **found,
    }
    run_folder.write_metrics(out, metrics)
    forget_checkpoint(checkpoints)
    mirror.finish()


def _fit_network(
    settings: MatchnetRun,
    data: Data,
    inputs: Inputs,
    out: Path,
    checkpoints: Path,
    fabric: "Fabric",
    mirror: Mirror,
) -> tuple[Matcher, History]:
    store = data.store
    channels = None if store.features is None else store.features.shape[0]
    network = build_network(settings, channels)
    training, val = training_examples(settings, data)
    task = MatchTask(Trained(network), store, settings, training, val, fabric.device)
    identity = fit_identity(settings.model_dump(exclude={"label"}), "methods.matchnet.train", inputs.paths)
    history = recorded_fit(task, settings.training, fabric, out, checkpoints, identity, mirror)
    save_network(out / run_folder.WEIGHTS, network, settings, {"feature_channels": channels})
    return NetworkMatcher(network.eval(), settings, fabric.device), history


def training_examples(settings: MatchnetRun, data: Data) -> tuple[Examples, Examples]:
    """Return the pairs to train on and those to select by; in the control with permuted labels both are shuffled."""
    found = [fixed_examples(settings, data.store, data.pairs[part]) for part in ("train", "val")]
    if settings.permuted_labels:
        found = [shuffled_labels(one, seed) for seed, one in enumerate(found)]
    return found[0], found[1]


def _fit_comparator(settings: MatchnetRun, data: Data, inputs: Inputs, out: Path) -> Matcher:
    from spectraflow.methods.matchnet.comparators import fit_comparator  # boosted trees load slowly

    if settings.kind in ("shift_model", "alignment_model"):
        assert inputs.scores is not None  # inputs.check asked for them
        pairs = data.pairs["val"]
        scored = ScoredPairs.fit(inputs.scores, pairs.take(pairs.places_of(settings.val_set)))
        save_checkpoint(out / run_folder.WEIGHTS, {}, {"settings": settings.model_dump(mode="json"), **scored.state})
        return scored
    training, val = training_examples(settings, data)
    comparator = fit_comparator(settings, data.store, training, val)
    comparator.save(out / run_folder.WEIGHTS)
    return comparator


def _description(
    settings: MatchnetRun, data: Data, inputs: Inputs, out: Path, data_version: str, device: str
) -> dict[str, Any]:
    totals: Mapping[str, int] = {}
    if settings.kind == "network":
        channels = None if data.store.features is None else data.store.features.shape[0]
        totals = parameter_totals(settings.network, channels, settings.rendering.columns)
    features = data.store.features
    return {
        "method": "matchnet",
        "run_id": out.name,
        "label": settings.label,
        "settings": settings.model_dump(mode="json"),
        "git_commit": git_commit(),
        "molecules": {part: len(set(pairs.owners.tolist())) for part, pairs in data.pairs.items()},
        "pairs": data.sizes,
        "parameters": dict(totals),
        "backbone": None if inputs.features is None or features is None else _backbone(inputs.features),
        "data_version": data_version,
        "device": device,
    }


def _backbone(features: Path) -> dict[str, Any]:
    described = read_description(features)
    return {name: described.get(name) for name in ("backbone", "weights", "channels", "height", "width", "bytes")}
