"""Comparators without a network: numbers of lines, and boosted trees, as matchers."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import area_under_curve
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.methods.matchnet.baselines.boosted_trees import BoostedTrees, TreeFeatures
from spectraflow.methods.matchnet.baselines.line_counts import VARIANTS, count_differences, scores_of_differences
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import Examples
from spectraflow.methods.matchnet.matchers import Logistic
from spectraflow.methods.matchnet.pair_table import Pairs
from spectraflow.methods.matchnet.settings import MatchnetRun
from spectraflow.training.checkpoint import save_checkpoint

MAIN_VARIANT = "line_counts"
_Known = dict[tuple[Path, Path | None], TreeFeatures]


def _features(store: MatchStore, known: _Known) -> TreeFeatures:
    spectra, rendered = store.tables
    if store.tables not in known:
        if rendered is None:
            raise InputError(f"{spectra}: comparators need rendered spectra, too")
        known[store.tables] = TreeFeatures.read(spectra, rendered)
    return known[store.tables]


@dataclass(frozen=True)
class LineCounts:
    """Scores from differences of counts; the logistic curve behind them changes no rank."""

    settings: MatchnetRun
    curve: Logistic
    known: _Known = field(default_factory=dict)
    any_pair: bool = True

    def logits(self, store: MatchStore, pairs: Pairs | Examples) -> np.ndarray:
        """Return the logits (P,) of pairs."""
        return self.curve.logits(_count_scores(store, pairs, self.known)[MAIN_VARIANT][:, None])

    def save(self, path: Path) -> None:
        """Write the curve."""
        state = {"settings": self.settings.model_dump(mode="json"), "curve": self.curve.as_dict()}
        save_checkpoint(path, {}, state)

    def figures(self, store: MatchStore, pairs: Pairs) -> dict[str, Interval]:
        """Return the area under the curve of every set by each nested variant of the counts."""
        scores, found = _count_scores(store, pairs, self.known), {}
        for name in pairs.names:
            chosen = pairs.places_of(name)
            for variant in VARIANTS:
                values = np.nan_to_num(scores[variant][chosen], nan=-1e9)
                auc = area_under_curve(pairs.labels[chosen], values)
                found[f"{name}/auc_{variant}"] = Interval(auc, np.nan, np.nan, len(chosen))
        return found


def _count_scores(store: MatchStore, pairs: Pairs | Examples, known: _Known) -> dict[str, np.ndarray]:
    features = _features(store, known)
    owners, candidates = features.spectrum_counts[pairs.owners], features.molecule_counts[pairs.candidates]
    return scores_of_differences(count_differences(owners, candidates))


@dataclass(frozen=True)
class Trees:
    """Boosted trees on fingerprint, columns and counts."""

    settings: MatchnetRun
    model: BoostedTrees
    known: _Known = field(default_factory=dict)
    any_pair: bool = True

    def logits(self, store: MatchStore, pairs: Pairs | Examples) -> np.ndarray:
        """Return the logits (P,) of pairs."""
        return self.model.logits(_features(store, self.known).of_pairs(pairs.owners, pairs.candidates))

    def figures(self, store: MatchStore, pairs: Pairs) -> dict[str, Interval]:
        """Return nothing: trees have no numbers of their own."""
        return {}

    def save(self, path: Path) -> None:
        """Write the trees."""
        save_checkpoint(path, self.model.tensors(), {"settings": self.settings.model_dump(mode="json")})


def fit_comparator(settings: MatchnetRun, store: MatchStore, training: Examples, val: Examples) -> LineCounts | Trees:
    """Return the comparator of a run, fitted: trees to training pairs, line counts to val for their curve alone."""
    known: _Known = {}
    if settings.kind == "line_counts":
        scores = _count_scores(store, val, known)[MAIN_VARIANT][:, None]
        return LineCounts(settings, Logistic.fit(scores, val.labels), known)
    features = _features(store, known).of_pairs(training.owners, training.candidates)
    trees = BoostedTrees(settings.trees).fit(features, training.labels, settings.training.seed)
    return Trees(settings, trees, known)
