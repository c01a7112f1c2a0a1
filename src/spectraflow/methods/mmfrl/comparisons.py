"""Paired comparison of two models on the same splits of the same tasks.

Protocol A (scaffold_balanced) has several splits: the corrected resampled t-test (Nadeau and Bengio 2003) and
Wilcoxon's test of the differences of splits. Protocol B (scaffold_deterministic) has one: a bootstrap over the test
molecules that both models share. p-values are Holm-adjusted over the tasks of a protocol.
"""

import math
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spectraflow.errors import InputError
from spectraflow.evaluation.paired_scores import DrawnScore
from spectraflow.evaluation.seed_statistics import holm
from spectraflow.files import read_json
from spectraflow.methods.mmfrl.property_metrics import HIGHER_IS_BETTER, MAIN, TaskKind, drawn_score
from spectraflow.methods.mmfrl.property_predictions import Predictions, read_predictions
from spectraflow.training import run_folder

LEVEL = 0.05
Verdict = Literal["win", "tie", "loss"]


@dataclass(frozen=True)
class Point:
    """Main scores of both models on one split, means over its seeds."""

    split_seed: int
    one: float
    other: float


@dataclass(frozen=True)
class Difference:
    """How much better one model is than the other: `gain` is positive where it is better, whatever the score.

    `low` and `high` bound it at 95 %; `p` is two-sided; `wilcoxon_p` is NaN where there is a single split.
    """

    gain: float
    low: float
    high: float
    p: float
    wilcoxon_p: float = math.nan


@dataclass(frozen=True)
class TaskComparison:
    """Two models on one task: scores, their difference, and how many splits each wins."""

    task: str
    cleaning: str
    protocol: str
    score: str
    one: float
    other: float
    difference: Difference
    points: list[Point]
    wins: int
    ties: int
    losses: int
    p_holm: float = math.nan

    @property
    def verdict(self) -> Verdict:
        """Whether one model is better (win) or worse (loss) than the other with p_holm below 0.05, or neither."""
        if not self.p_holm < LEVEL:
            return "tie"
        return "win" if self.difference.gain > 0 else "loss"

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values: numbers that do not exist are None."""
        found: dict[str, Any] = _finite({**asdict(self), "verdict": self.verdict})
        return found


def corrected_resampled_t(gains: Sequence[float] | np.ndarray, test_to_train: float) -> Difference:
    """Return mean, 95 % interval and p of the gains of n splits by the corrected resampled t-test.

    The variance of the mean is that of the gains times 1 / n + n_test / n_train: splits share their training molecules.
    Without spread p is 1 for a mean of 0, else 0; a single split has neither interval nor p.
    """
    from scipy import stats

    values = np.asarray(gains, np.float64)
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return Difference(mean, math.nan, math.nan, math.nan)
    if not np.ptp(values):
        return Difference(mean, mean, mean, float(mean == 0), _wilcoxon(values))
    error = math.sqrt(values.var(ddof=1) * (1 / n + test_to_train))
    reach = float(stats.t.ppf(0.975, n - 1)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, n - 1))
    return Difference(mean, mean - reach, mean + reach, p, _wilcoxon(values))


def _wilcoxon(gains: np.ndarray) -> float:
    from scipy import stats

    if not gains.any():
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ties and zeros among few splits
        return float(stats.wilcoxon(gains).pvalue)


def bootstrap_difference(one: DrawnScore, other: DrawnScore, higher_is_better: bool) -> Difference:
    """Return gain, 95 % interval and two-sided p of the shared bootstrap samples of two models."""
    sign = 1 if higher_is_better else -1
    drawn = sign * (one.draws - other.draws)
    drawn = drawn[np.isfinite(drawn)]
    gain = sign * (one.value - other.value)
    if not len(drawn):
        return Difference(gain, math.nan, math.nan, math.nan)
    low, high = np.quantile(drawn, [0.025, 0.975])
    beyond = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    return Difference(gain, float(low), float(high), min(1.0, 2 * (beyond + 1) / (len(drawn) + 1)))


@dataclass(frozen=True)
class _Run:
    """A finished run: where, what on, its main score on test (NaN if undefined), and the sizes of its parts."""

    folder: Path
    key: tuple[str, str, str]
    split_seed: int
    kind: TaskKind
    score: float
    test_to_train: float

    @classmethod
    def read(cls, folder: Path) -> "_Run":
        described, metrics = run_folder.read_settings(folder), _metrics(folder)
        try:
            settings, sizes, kind = described["settings"], described["molecules"], described["kind"]
            value = metrics["parts"]["test"][f"property/{MAIN[kind]}"]["value"]
            key = (settings["task"], settings["cleaning"], settings["protocol"])
            seed = int(settings["split_seed"]) if settings["protocol"] == "scaffold_balanced" else 0
            ratio = sizes["test"] / sizes["train"]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder}: not a finished run of a MoleculeNet task ({error!r})") from None
        return cls(folder, key, seed, kind, math.nan if value is None else float(value), ratio)


def _metrics(folder: Path) -> Mapping[str, Any]:
    path = folder / run_folder.METRICS
    if not path.exists():
        raise InputError(f"{folder}: not a finished run (no {run_folder.METRICS})")
    metrics: Mapping[str, Any] = read_json(path)
    return metrics


def compare_runs(
    one: Sequence[Path], other: Sequence[Path], *, draws: int = 10_000
) -> tuple[list[TaskComparison], list[str]]:
    """Compare two models on every task, cleaning and protocol that both have runs of.

    Args:
        one: run folders of one model: any tasks, splits and seeds.
        other: those of the other.
        draws: bootstrap samples (protocol B).

    Returns:
        a comparison a task, and what could not be compared, in words.

    Raises:
        InputError: a folder is no finished run, or the models were tested on different molecules.
    """
    groups = [_grouped(folders) for folders in (one, other)]
    found: list[TaskComparison] = []
    skipped = [f"{'/'.join(key)}: runs of one model alone" for key in sorted(groups[0].keys() ^ groups[1].keys())]
    for key in sorted(groups[0].keys() & groups[1].keys()):
        comparison = _compared(key, groups[0][key], groups[1][key], draws)
        if comparison is None:
            skipped.append(f"{'/'.join(key)}: no split on which both scores are defined")
        else:
            found.append(comparison)
    return _adjusted(found), skipped


def _grouped(folders: Sequence[Path]) -> dict[tuple[str, str, str], list[_Run]]:
    groups: defaultdict[tuple[str, str, str], list[_Run]] = defaultdict(list)
    for folder in folders:
        run = _Run.read(folder)
        groups[run.key].append(run)
    return groups


def _compared(
    key: tuple[str, str, str], one: Sequence[_Run], other: Sequence[_Run], draws: int
) -> TaskComparison | None:
    points = _points(one, other)
    if not points:
        return None
    score = MAIN[one[0].kind]
    sign = 1 if score in HIGHER_IS_BETTER else -1
    gains = np.array([sign * (point.one - point.other) for point in points])
    if key[2] == "scaffold_balanced":
        difference = corrected_resampled_t(gains, float(np.mean([run.test_to_train for run in one])))
    else:
        difference = bootstrap_difference(*_drawn(one, other, draws), score in HIGHER_IS_BETTER)
    means = (float(np.mean([point.one for point in points])), float(np.mean([point.other for point in points])))
    counts = [int(np.count_nonzero(np.sign(gains) == side)) for side in (1, 0, -1)]
    return TaskComparison(*key, score, *means, difference, points, *counts)


def _points(one: Sequence[_Run], other: Sequence[_Run]) -> list[Point]:
    """Return the splits that both models have a defined score on."""
    means = []
    for runs in (one, other):
        scores: defaultdict[int, list[float]] = defaultdict(list)
        for run in runs:
            if math.isfinite(run.score):
                scores[run.split_seed].append(run.score)
        means.append({seed: float(np.mean(values)) for seed, values in scores.items()})
    return [Point(seed, means[0][seed], means[1][seed]) for seed in sorted(means[0].keys() & means[1].keys())]


def _drawn(one: Sequence[_Run], other: Sequence[_Run], draws: int) -> tuple[DrawnScore, DrawnScore]:
    tested = [
        [read_predictions(run.folder / run_folder.GROUP_PREDICTIONS, "test") for run in runs] for runs in (one, other)
    ]
    first = tested[0][0]
    for run, found in zip([*one, *other], [*tested[0], *tested[1]], strict=True):
        if found.molecule_ids != first.molecule_ids or not np.array_equal(
            found.measured, first.measured, equal_nan=True
        ):
            raise InputError(f"{run.folder}: tested on other molecules than {one[0].folder}")
    return _score_of(tested[0], one[0].kind, draws), _score_of(tested[1], one[0].kind, draws)


def _score_of(found: Sequence[Predictions], kind: TaskKind, draws: int) -> DrawnScore:
    return drawn_score(found[0].measured, np.stack([one.predicted for one in found]), kind, draws=draws)


def _adjusted(found: Sequence[TaskComparison]) -> list[TaskComparison]:
    """Return the comparisons with p-values Holm-adjusted within each protocol and cleaning."""
    families: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        families[one.protocol, one.cleaning].append(place)
    adjusted = list(found)
    for places in families.values():
        values = holm([found[place].difference.p for place in places])
        for place, p in zip(places, values.tolist(), strict=True):
            adjusted[place] = replace(found[place], p_holm=p)
    return adjusted


def summary(found: Sequence[TaskComparison]) -> dict[str, dict[Verdict, int]]:
    """Return how many tasks one model wins, ties and loses, by protocol and cleaning."""
    counts: dict[str, dict[Verdict, int]] = {}
    for one in found:
        family = counts.setdefault(f"{one.protocol}/{one.cleaning}", {"win": 0, "tie": 0, "loss": 0})
        family[one.verdict] += 1
    return counts


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
