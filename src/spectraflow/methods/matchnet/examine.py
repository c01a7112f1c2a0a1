"""What a trained matching network is asked beyond the test sets: other renderings, retrieval, cost, and a map."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from spectraflow.files import write_json
from spectraflow.methods.matchnet.candidates import retrieval
from spectraflow.methods.matchnet.cost import Timed, cached_cost, uncached_cost
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import fixed_examples
from spectraflow.methods.matchnet.inputs import Inputs
from spectraflow.methods.matchnet.pair_map import map_pairs
from spectraflow.methods.matchnet.pair_table import TRUE, Pairs, read_pairs
from spectraflow.methods.matchnet.rendering_robustness import auc_under_changes
from spectraflow.methods.matchnet.settings import ExaminationSettings, MatchnetRun
from spectraflow.methods.matchnet.trained_network import load_trained, open_extractor
from spectraflow.tables import MATCHING_SPECTRA, read_table
from spectraflow.training.devices import job_device


def examine(settings: ExaminationSettings, run: Path, inputs: Inputs, out: Path, positions: Path) -> dict[str, Any]:
    """Write and return, as JSON values, what a trained network does with the test part.

    ``changes``: AUC when spectra are rendered otherwise; ``retrieval``: hits among candidates; ``cost``: time and
    memory of a batch; ``map``: how well the last layer's input tells pairs apart, its positions on a plane in the table
    `positions`. Raises InputError if the run is no network, ConfigError if a model of images lacks its features.
    """
    device = job_device()
    matcher = load_trained(run, device)
    inputs.check(matcher.settings, transferred=False)
    images = matcher.settings.reads_images
    store = MatchStore.read(inputs.spectra, inputs.rendered, inputs.features if images else None)
    test, training = (read_pairs(inputs.pairs, store, part) for part in ("test", "train"))
    # timed before the store moves to the device: its memory is no part of a batch's
    timed = Timed(matcher, store, test, settings)
    cost = {"cached": cached_cost(timed)}
    extractor = open_extractor(inputs.features, matcher.settings, device) if images else None
    if extractor is not None:
        cost["uncached"] = uncached_cost(timed, extractor)
    store = store.to(device)
    formulas = read_table(inputs.spectra, MATCHING_SPECTRA, ["formula"])["formula"].to_pylist()
    trained = _trained(matcher.settings, store, training)
    found = {
        **auc_under_changes(matcher, store, test, inputs, settings, extractor),
        "retrieval": retrieval(matcher, store, formulas, _queries(test, settings), trained, settings),
        "cost": cost,
        "map": map_pairs(matcher, store, test, settings, positions),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }
    write_json(out, found)
    return found


def _queries(test: Pairs, settings: ExaminationSettings) -> np.ndarray:
    owners = np.unique(test.owners[test.sets == TRUE])
    return np.sort(np.random.default_rng(settings.seed).permutation(owners)[: settings.queries])


def _trained(settings: MatchnetRun, store: MatchStore, training: Pairs) -> np.ndarray:
    """Return which molecules of the store (N,) the model was trained on."""
    # which negatives they stood beside makes no difference, and uniform ones are found at once
    drawn = fixed_examples(settings.model_copy(update={"negatives": "uniform"}), store, training)
    trained = np.zeros(len(store), bool)
    trained[drawn.owners] = True
    return trained
