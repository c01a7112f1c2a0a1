"""Logits of the test pairs of an experiment, by test set and fold, ready to be compared with others pair by pair."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.evaluation.paired_scores import DrawnScore
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.experiments import Experiment, repeated
from spectraflow.tables import PAIR_PREDICTIONS, read_table
from spectraflow.training.run_folder import GROUP_PREDICTIONS

TRUE = "true"
DRAWS = 1_000
Names = NDArray[np.object_]
Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class ScoredPairs:
    """n pairs of one test set and fold, by ascending id: labels and owners (n,), logits of S seeds (S, n).

    scored (n,): which of them the model can score; the others have logit 0 and count as undecided. `seed` of the
    bootstrap samples is equal for equal folds of all models.
    """

    pairs: Names
    labels: Bits
    owners: Names
    logits: NDArray[np.float64]
    scored: Bits
    seed: int

    @cached_property
    def auc(self) -> DrawnScore:
        """AUC averaged over seeds, with bootstrap samples of owners that equal pairs share."""
        from spectraflow.evaluation.matching import drawn_auc

        return drawn_auc(self.labels, self.logits, self.owners, draws=DRAWS, seed=self.seed)

    def among(self, kept: Bits) -> "ScoredPairs":
        """Return some of the pairs."""
        if kept.all():
            return self
        named = (self.pairs[kept], self.labels[kept], self.owners[kept])
        return ScoredPairs(*named, self.logits[:, kept], self.scored[kept], self.seed)


@dataclass(frozen=True)
class Fold:
    """Test pairs of one fold: ids, sets, owners and labels (n,), logits (S, n) with NaN where there is no score."""

    pairs: Names
    sets: Names
    owners: Names
    labels: Bits
    logits: NDArray[np.float64]

    def of_set(self, name: str, seed: int) -> ScoredPairs | None:
        """Return the pairs of a test set, the true ones of its owners among them; None if there are none."""
        negative = self.sets == name
        true = (self.sets == TRUE) & np.isin(self.owners.astype(str), self.owners[negative].astype(str))
        rows = np.flatnonzero(negative | true)
        if not len(rows):
            return None
        logits = self.logits[:, rows]
        named = (self.pairs[rows], self.labels[rows], self.owners[rows])
        scored = np.asarray(np.isfinite(logits).all(axis=0), dtype=np.bool_)
        return ScoredPairs(*named, np.nan_to_num(logits), scored, seed)


@dataclass(frozen=True)
class Predicted:
    """What an experiment scored in the test part, fold by fold."""

    folds: Sequence[Fold]
    _found: dict[str, list[ScoredPairs]] = field(default_factory=dict, repr=False)

    def of_set(self, name: str) -> list[ScoredPairs]:
        """Return the pairs of a test set, one entry a fold; empty if a fold has none."""
        if name not in self._found:
            found = [fold.of_set(name, seed) for seed, fold in enumerate(self.folds)]
            self._found[name] = [one for one in found if one is not None] if None not in found else []
        return self._found[name]

    def minus(self, other: "Predicted", name: str, *, where_scored: bool = False) -> Interval | None:
        """Return the difference of AUC on a test set, mean over folds; None unless both were tested on the same pairs.

        n counts owners. `where_scored`: of the pairs alone that this model can score, the same pairs of the other one.
        """
        own, others = self.of_set(name), other.of_set(name)
        same = len(own) == len(others) and all(
            np.array_equal(a.pairs, b.pairs) for a, b in zip(own, others, strict=True)
        )
        if not own or not same:
            return None
        if where_scored:
            others = [two.among(one.scored) for one, two in zip(own, others, strict=True)]
            own = [one.among(one.scored) for one in own]
            if any(len(np.unique(one.labels)) < 2 for one in own):
                return None
        return mean_auc(own).minus(mean_auc(others))


def mean_auc(folds: Sequence[ScoredPairs]) -> DrawnScore:
    """Return the mean of the folds' AUC; n counts the owners of all."""
    scores = [one.auc for one in folds]
    value = float(np.mean([one.value for one in scores]))
    return DrawnScore(value, np.mean([one.draws for one in scores], axis=0), sum(one.n for one in scores))


def read_predicted(experiment: Experiment) -> Predicted | None:
    """Return what the runs of an experiment predicted for the test part, None if a run keeps no predictions.

    Where folds were repeated with unequal numbers of seeds, each counts with as many as the least repeated one. Raises
    InputError if runs of one fold were tested on different pairs.
    """
    if not all((run.folder / GROUP_PREDICTIONS).is_file() for run in experiment.runs):
        return None
    return Predicted([_fold([run.folder / GROUP_PREDICTIONS for run in runs]) for runs in repeated(experiment)])


def _fold(paths: Sequence[Path]) -> Fold:
    seeds = [_test_part(path) for path in paths]
    first = seeds[0]
    for path, one in zip(paths, seeds, strict=True):
        if not np.array_equal(one.pairs, first.pairs):
            raise InputError(f"{path}: other test pairs than {paths[0]}, though of the same fold")
    return Fold(first.pairs, first.sets, first.owners, first.labels, np.concatenate([one.logits for one in seeds]))


def _test_part(path: Path) -> Fold:
    table = read_table(path, PAIR_PREDICTIONS)
    table = table.filter(pc.field("part") == "test").sort_by("pair_id")
    if not table.num_rows:
        raise InputError(f"{path}: no predictions of the test part")
    pairs, sets, owners = (
        np.array(table[name].to_pylist(), dtype=object) for name in ("pair_id", "test_set", "owner_id")
    )
    logits = pc.fill_null(table["logit"], np.nan).to_numpy()[None].astype(np.float64)
    return Fold(pairs, sets, owners, table["label"].to_numpy().astype(np.bool_), logits)
