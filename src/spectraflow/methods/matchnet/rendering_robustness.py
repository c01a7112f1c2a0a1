"""What a trained network still tells when test spectra are drawn otherwise than those it was trained on."""

from dataclasses import replace
from typing import Any

import numpy as np

from spectraflow.evaluation.matching import matching_metrics
from spectraflow.methods.matchnet.changed_spectra import changeable
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.feature_extractor import FeatureExtractor
from spectraflow.methods.matchnet.inputs import Inputs
from spectraflow.methods.matchnet.matchers import NetworkMatcher
from spectraflow.methods.matchnet.pair_table import TRUE, Pairs
from spectraflow.methods.matchnet.settings import ExaminationSettings, MatchnetRun
from spectraflow.spectra.rendering_changes import CHANGES

SETS = ("near", "diff")
UNCHANGED = "none"
_BOOTSTRAP_SEED = 0  # as in the evaluation of the run, whose intervals these stand beside


def auc_under_changes(
    matcher: NetworkMatcher,
    store: MatchStore,
    test: Pairs,
    inputs: Inputs,
    settings: ExaminationSettings,
    extractor: FeatureExtractor | None,
) -> dict[str, Any]:
    """Return ``changes``: by change and set the AUC with its interval, the unchanged spectra first.

    The same at most `settings.changed_spectra` owners, chosen by the seed, are drawn again for each change. A change
    that the model cannot see, such as other line widths in line lists, is left out. Where no spectrum can be changed
    ``changes`` is empty and ``changes_reason`` says why.
    """
    if reason := _unchangeable(matcher.settings):
        return {"changes": {}, "changes_reason": reason}
    pairs = chosen_pairs(test, settings)
    spectra = changeable(store, np.unique(pairs.owners), matcher.settings, inputs.spectra, extractor)
    found = {UNCHANGED: _auc(matcher, store, pairs)}
    for name, change in CHANGES.items():
        changed = spectra.changed(replace(change, seed=settings.seed))
        if changed is not None:
            found[name] = _auc(matcher, changed, pairs)
    return {"changes": found, "changed_spectra": len(np.unique(pairs.owners))}


def _unchangeable(settings: MatchnetRun) -> str | None:
    if settings.network.blind == "spectra":
        return "the model sees no spectra"
    if settings.dataset == "alberts" and settings.network.spectra != "peaks":
        return "the spectra of alberts are arrays: there are no lines to draw otherwise"
    return None


def chosen_pairs(test: Pairs, settings: ExaminationSettings) -> Pairs:
    """Return the pairs of SETS of at most `settings.changed_spectra` owners."""
    inside = np.isin(test.sets, SETS)
    owners = np.unique(test.owners[inside])
    chosen = np.random.default_rng(settings.seed).permutation(owners)[: settings.changed_spectra]
    return test.take((inside | (test.sets == TRUE)) & np.isin(test.owners, chosen))


def _auc(matcher: NetworkMatcher, store: MatchStore, pairs: Pairs) -> dict[str, Any]:
    logits, found = matcher.logits(store, pairs), {}
    for name in (name for name in SETS if name in pairs.names):
        places = pairs.places_of(name)
        metrics = matching_metrics(pairs.labels[places], logits[places], pairs.owners[places], _BOOTSTRAP_SEED)
        found[name] = {"auc": metrics["auc"].as_dict()}
    return found
