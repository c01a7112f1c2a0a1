"""Which functional groups a model finds: scores of several labels a molecule, with intervals over molecules.

A label counts as predicted from its threshold on (0.5). Scores that divide by zero are 0, as in scikit-learn with
`zero_division=0`, unless said otherwise.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectraflow.evaluation.uncertainty import Interval

Bits = NDArray[np.bool_]
Numbers = NDArray[np.float64]

TIER_BOUNDS = (600 / 79_400, 5_000 / 79_400)
"""Largest prevalence of the tiers low and medium: 600 and 5,000 positives among the 79,400 molecules of SymSpectra's
test part (footnote to Table 3 and Fig. 10)."""

IMPLICATIONS = (
    ("Carboxylic acid", "Alcohol"),
    ("Phenol", "Alcohol"),
    ("Enol", "Alcohol"),
    ("Ester", "Ether"),
    ("Acid anhydride", "Ether"),
    ("Acyl halide", "Haloalkane"),
    ("Enamine", "Alkene"),
    ("Enol", "Alkene"),
)
"""Pairs of groups of which the first cannot be without the second, by their SMARTS."""

_WEIGHTS_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives of K labels, each (..., K)."""

    tp: Numbers
    fp: Numbers
    fn: Numbers

    @property
    def support(self) -> Numbers:
        """Positives (..., K)."""
        return self.tp + self.fn

    def summed(self) -> "Counts":
        """Return the counts of all labels together, each (..., 1)."""
        return Counts(*(part.sum(axis=-1, keepdims=True) for part in (self.tp, self.fp, self.fn)))

    def of(self, labels: NDArray[np.int64]) -> "Counts":
        """Return the counts of some labels."""
        return Counts(*(part[..., labels] for part in (self.tp, self.fp, self.fn)))


def divided(numerator: Numbers, denominator: Numbers, undefined: float = 0.0) -> Numbers:
    """Return the ratio, `undefined` where the denominator is 0."""
    filled = np.full(np.broadcast(numerator, denominator).shape, undefined)
    return np.divide(numerator, denominator, out=filled, where=np.asarray(denominator) > 0)


def precision(counts: Counts) -> Numbers:
    """Return the precision (..., K)."""
    return divided(counts.tp, counts.tp + counts.fp)


def recall(counts: Counts) -> Numbers:
    """Return the recall (..., K)."""
    return divided(counts.tp, counts.support)


def f1(counts: Counts) -> Numbers:
    """Return the F1 score (..., K)."""
    return divided(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def micro_f1(counts: Counts) -> Numbers:
    """Return the F1 score (...) of all pairs of a molecule and a label."""
    return f1(counts.summed())[..., 0]


def macro_f1(counts: Counts) -> Numbers:
    """Return the mean F1 score (...) over all K labels."""
    return f1(counts).mean(axis=-1)


def mean_over_present(score: Callable[[Counts], Numbers], counts: Counts) -> Numbers:
    """Return the mean (...) of a score over the labels that have a positive; NaN where none has."""
    present = counts.support > 0
    return divided((score(counts) * present).sum(axis=-1), present.sum(axis=-1), np.nan)


def predicted_labels(probabilities: np.ndarray, threshold: float | np.ndarray = 0.5) -> Bits:
    """Return which labels are predicted, (..., K) bool; `threshold` is one for all or (K,).

    Raises ValueError if a probability is not between 0 and 1.
    """
    probabilities = np.asarray(probabilities)
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("probabilities must lie between 0 and 1")
    return probabilities >= threshold


def count_labels(labels: Bits, predicted: Bits) -> Counts:
    """Return the counts (K,) of labels and predictions, both (N, K) bool."""
    pairs = (labels & predicted, ~labels & predicted, labels & ~predicted)
    return Counts(*(pair.sum(axis=0, dtype=np.float64) for pair in pairs))


def tiers(labels: Bits, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of the labels that are rare (low), medium and frequent (high) in `labels` (N, K).

    Prevalence up to TIER_BOUNDS[0] is low, up to TIER_BOUNDS[1] medium.
    """
    found: dict[str, list[str]] = {"low": [], "medium": [], "high": []}
    for name, positives in zip(names, labels.sum(axis=0).tolist(), strict=True):
        low, medium = (bound * len(labels) for bound in TIER_BOUNDS)
        found["low" if positives <= low else "medium" if positives <= medium else "high"].append(name)
    return found


def violations(predicted: Bits, names: Sequence[str]) -> tuple[Bits, Bits]:
    """Return which implications each molecule's predictions state the premise of, and which they break, (N, I) each.

    I counts the IMPLICATIONS whose two groups are among `names`.
    """
    column = {name: number for number, name in enumerate(names)}
    known = [(column[one], column[two]) for one, two in IMPLICATIONS if one in column and two in column]
    premises, conclusions = ([pair[side] for pair in known] for side in (0, 1))
    stated = predicted[:, premises]
    return stated, stated & ~predicted[:, conclusions]


def label_scores(
    labels: Bits, probabilities: np.ndarray, names: Sequence[str], threshold: float | np.ndarray = 0.5
) -> list[dict[str, str | int | float | None]]:
    """Return one row a label: name, tier, support, predicted, precision, recall, f1 and average_precision.

    Precision, recall, F1 and average precision of a label without positives are None.
    """
    from sklearn.metrics import average_precision_score

    labels, predicted = _checked(labels, probabilities, names, threshold)
    counts = count_labels(labels, predicted)
    tier_of = {name: tier for tier, members in tiers(labels, names).items() for name in members}
    rows: list[dict[str, str | int | float | None]] = []
    for k, name in enumerate(names):
        row: dict[str, str | int | float | None] = {"group": name, "tier": tier_of[name]}
        row |= {"support": int(counts.support[k]), "predicted": int(predicted[:, k].sum())}
        present = counts.support[k] > 0
        for score in (precision, recall, f1):
            row[score.__name__] = float(score(counts)[k]) if present else None
        row["average_precision"] = (
            float(average_precision_score(labels[:, k], probabilities[:, k])) if present else None
        )
        rows.append(row)
    return rows


def group_metrics(
    labels: Bits,
    probabilities: np.ndarray,
    names: Sequence[str],
    seed: int = 0,
    *,
    threshold: float | np.ndarray = 0.5,
    draws: int = 1000,
) -> dict[str, Interval]:
    """Return the scores of predicted groups with 95 % intervals by bootstrap over molecules.

    ``groups/micro_f1``, ``groups/macro_f1`` (all K labels), ``groups/macro_f1_present`` (labels with a positive),
    ``groups/exact_match``, ``groups/violations`` (share of molecules whose predictions break an implication) and
    ``groups/violations_stated`` (broken among the implications whose premise is predicted);
    ``groups/tier/<low, medium, high>/<f1, recall>``: mean over the tier's labels with a positive;
    ``groups/count/<true groups>/<exact_match, micro_f1>`` (no F1 of molecules without groups);
    ``groups/label/<name>/<precision, recall, f1>``: NaN for a label without positives.
    `n` counts molecules, for a tier its labels with a positive, for a label its positives.

    Args:
        labels: (N, K) bool, N > 0.
        probabilities: (N, K), between 0 and 1.
        names: of the K labels.
        seed: of the resamples; the same seed resamples the same molecules for every model.
        threshold: of all labels, or of each (K,).
        draws: resamples.

    Raises ValueError for shapes that do not fit or numbers that are no probabilities.
    """
    labels, predicted = _checked(labels, probabilities, names, threshold)
    values = _resampled_scores(labels, predicted, names, np.ones((1, len(labels)), np.float32))
    blocks = [
        {name: score for name, (score, _) in _resampled_scores(labels, predicted, names, weights).items()}
        for weights in resamples(len(labels), draws, seed)
    ]
    metrics = {}
    for name, (value, n) in values.items():
        drawn = np.concatenate([block[name] for block in blocks])
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, [0.025, 0.975]) if n and len(drawn) else (np.nan, np.nan)
        metrics[name] = Interval(float(value[0]) if n else np.nan, float(low), float(high), n)
    return metrics


def resamples(count: int, draws: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield blocks (draws of the block, count) of how often each molecule stands in a bootstrap sample."""
    generator = np.random.default_rng(seed)
    block = max(1, _WEIGHTS_AT_ONCE // count)
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        yield np.stack(
            [np.bincount(generator.integers(count, size=count), minlength=count) for _ in range(rows)]
        ).astype(np.float32)


def weighted_counts(labels: Bits, predicted: Bits, weights: NDArray[np.float32]) -> Counts:
    """Return the counts (D, K) of molecules that stand in D samples as often as `weights` (D, N) say.

    Sums in float32 are exact up to 16 million molecules.
    """
    pairs = (labels & predicted, ~labels & predicted, labels & ~predicted)
    return Counts(*((weights @ pair.astype(np.float32)).astype(np.float64) for pair in pairs))


def _resampled_scores(
    labels: Bits, predicted: Bits, names: Sequence[str], weights: NDArray[np.float32]
) -> dict[str, tuple[Numbers, int]]:
    """Return every score in every sample, (D,), and the observations behind it."""
    counts = weighted_counts(labels, predicted, weights)
    exact = (labels == predicted).all(axis=1)
    stated, broken = violations(predicted, names)
    breaking = np.asarray(broken.any(axis=1))
    scores = {
        "micro_f1": (micro_f1(counts), len(labels)),
        "macro_f1": (macro_f1(counts), len(labels)),
        "macro_f1_present": (mean_over_present(f1, counts), len(labels)),
        "exact_match": (_share(weights, exact, np.ones(len(labels))), len(labels)),
        "violations": (_share(weights, breaking, np.ones(len(labels))), len(labels) if stated.shape[1] else 0),
        "violations_stated": (_share(weights, broken.sum(axis=1), stated.sum(axis=1)), int(stated.sum())),
    }
    scores |= _tier_scores(labels, counts, names) | _count_scores(labels, predicted, exact, weights)
    for score in (precision, recall, f1):
        of_labels = np.where(counts.support > 0, score(counts), np.nan)
        for k, name in enumerate(names):
            scores[f"label/{name}/{score.__name__}"] = (of_labels[:, k], int(labels[:, k].sum()))
    return {f"groups/{name}": score for name, score in scores.items()}


def _tier_scores(labels: Bits, counts: Counts, names: Sequence[str]) -> dict[str, tuple[Numbers, int]]:
    column = {name: number for number, name in enumerate(names)}
    scores = {}
    for tier, members in tiers(labels, names).items():
        columns = np.array([column[name] for name in members], dtype=np.int64)
        present = int(labels[:, columns].any(axis=0).sum())
        for score in (f1, recall):
            scores[f"tier/{tier}/{score.__name__}"] = (mean_over_present(score, counts.of(columns)), present)
    return scores


def _count_scores(
    labels: Bits, predicted: Bits, exact: Bits, weights: NDArray[np.float32]
) -> dict[str, tuple[Numbers, int]]:
    groups = labels.sum(axis=1)
    scores = {}
    for number in np.unique(groups).tolist():
        rows = np.flatnonzero(groups == number)
        part = weights[:, rows]
        scores[f"count/{number}/exact_match"] = (_share(part, exact[rows], np.ones(len(rows))), len(rows))
        if number:
            counts = weighted_counts(labels[rows], predicted[rows], part)
            scores[f"count/{number}/micro_f1"] = (micro_f1(counts), len(rows))
    return scores


def _share(weights: NDArray[np.float32], numerator: np.ndarray, denominator: np.ndarray) -> Numbers:
    sums = (weights @ np.stack([numerator, denominator], axis=1).astype(np.float32)).astype(np.float64)
    return divided(sums[:, 0], sums[:, 1], np.nan)


def _checked(
    labels: Bits, probabilities: np.ndarray, names: Sequence[str], threshold: float | np.ndarray
) -> tuple[Bits, Bits]:
    labels = np.asarray(labels, dtype=bool)
    if labels.ndim != 2 or not labels.size or np.shape(probabilities) != labels.shape or len(names) != labels.shape[1]:
        raise ValueError(
            f"labels {labels.shape}, probabilities {np.shape(probabilities)} and {len(names)} names do not fit"
        )
    return labels, predicted_labels(probabilities, threshold)
