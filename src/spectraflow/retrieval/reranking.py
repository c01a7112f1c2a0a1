"""Put candidates of a search into a new order by several scores, with weights that make them probabilities.

The probability of a candidate is softmax over its query's candidates of a weighted sum of scores (conditional logit,
McFadden 1974), with one more option, that none of them is the truth. The weights are fitted on queries of the
validation part; one score alone gets a weight, too, which is its temperature. How often a first candidate so probable
was right there is the confidence in it (isotonic regression, Zadrozny and Elkan 2002).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from sklearn.isotonic import IsotonicRegression

from spectraflow.errors import InputError
from spectraflow.evaluation.calibration import expected_calibration_error, negative_log_likelihood, reliability
from spectraflow.evaluation.retrieval import lowered
from spectraflow.evaluation.uncertainty import bootstrap_interval

RIDGE = 1e-4


@dataclass(frozen=True)
class ScoredCandidates:
    """One query's c candidates: scores (c, f) of f kinds, higher is better, and the row of the truth, if it is there.

    A score of -inf rules a candidate out.
    """

    query_id: str
    scores: np.ndarray
    truth: int | None


@dataclass(frozen=True)
class Reranker:
    """Weights (f,) of standardised scores; `center` and `spread` (f,) are of the candidates it was fitted on.

    absent: logit of the option that no candidate is the truth; -inf leaves it out. steps: rising probabilities of the
    first candidate (s,) and the confidence in it at each (s,), linear between; None takes the probability itself.
    """

    center: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    absent: float = -np.inf
    steps: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def fit(cls, queries: Sequence[ScoredCandidates]) -> Self:
        """Return the most likely weights.

        Raises InputError if no query has its truth among the candidates that its scores allow. A small ridge keeps
        weights finite where the truths always win.
        """
        used = [one for one in queries if len(one.scores)]
        if not any(one.truth is not None and np.isfinite(one.scores[one.truth]).all() for one in used):
            raise InputError("no query to fit on has its truth among the candidates that its scores allow")
        center, spread = _location(used)
        options = [_options((one.scores - center) / spread, one.truth) for one in used]
        found = minimize(_loss, np.append(np.ones(center.shape), 0.0), args=(options,), jac=True, method="L-BFGS-B")
        fitted = cls(center, spread, np.asarray(found.x[:-1], np.float64), float(found.x[-1]))
        return replace(fitted, steps=_steps(fitted, used))

    def confidence(self, query: ScoredCandidates) -> float:
        """Return how likely the first candidate is the truth; 0 without candidates."""
        first = float(self.probabilities(query).max(initial=0.0))
        return first if self.steps is None else float(np.interp(first, *self.steps))

    def logits(self, query: ScoredCandidates) -> np.ndarray:
        """Return the weighted sums (c,) of a query's scores; -inf where a score rules the candidate out."""
        scaled = (query.scores - self.center) / self.spread
        allowed = np.isfinite(scaled).all(axis=1)
        return np.where(allowed, np.nan_to_num(scaled, neginf=0.0) @ self.weights, -np.inf)

    def probabilities(self, query: ScoredCandidates) -> np.ndarray:
        """Return the probabilities (c,) of the candidates; what is left to 1 is that of none of them."""
        logits = np.append(self.logits(query), self.absent)
        return softmax(logits)[:-1] if np.isfinite(logits).any() else np.zeros(len(query.scores))


def _steps(reranker: Reranker, queries: Sequence[ScoredCandidates]) -> tuple[np.ndarray, np.ndarray]:
    stated = np.array([reranker.probabilities(one).max() for one in queries])
    regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    regression.fit(stated, truth_ranks(queries, reranker) == 1)
    return regression.X_thresholds_, regression.y_thresholds_


def _location(queries: Sequence[ScoredCandidates]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation (f,) of the finite scores of all candidates."""
    columns = np.concatenate([one.scores for one in queries]).T
    finite = [column[np.isfinite(column)] for column in columns]
    center = np.array([column.mean() if len(column) else 0.0 for column in finite])
    spread = np.array([column.std() if len(column) else 1.0 for column in finite])
    return center, np.where(spread > 0, spread, 1.0)


def _options(scaled: np.ndarray, truth: int | None) -> tuple[np.ndarray, int, np.ndarray]:
    """Return candidates and none of them as rows (c + 1, f + 1), the row that is right, and which rows are allowed."""
    allowed = np.append(np.isfinite(scaled).all(axis=1), True)
    rows = np.zeros((len(scaled) + 1, scaled.shape[1] + 1))
    rows[:-1, :-1] = np.where(allowed[:-1, None], scaled, 0.0)
    rows[-1, -1] = 1.0
    return rows, truth if truth is not None and allowed[truth] else len(scaled), allowed


def _loss(weights: np.ndarray, queries: Sequence[tuple[np.ndarray, int, np.ndarray]]) -> tuple[float, np.ndarray]:
    total, gradient = RIDGE * float(weights @ weights), 2 * RIDGE * weights
    for scores, truth, allowed in queries:
        logits = np.where(allowed, scores @ weights, -np.inf)
        total += (float(logsumexp(logits)) - float(logits[truth])) / len(queries)
        gradient = gradient + (softmax(logits) @ scores - scores[truth]) / len(queries)
    return total, gradient


def truth_ranks(queries: Sequence[ScoredCandidates], reranker: Reranker) -> np.ndarray:
    """Return the rank (q,) of each truth among its candidates, ties against it; 0 where it is absent or ruled out."""
    ranks = np.zeros(len(queries), np.int64)
    for place, query in enumerate(queries):
        if query.truth is not None:
            logits = reranker.logits(query)
            truth = logits[query.truth]
            if truth > -np.inf:
                others = np.delete(logits, query.truth)
                ranks[place] = 1 + int((others >= lowered(np.array(truth))).sum())
    return ranks


def reranking_metrics(
    queries: Sequence[ScoredCandidates], reranker: Reranker, k: Sequence[int], seed: int = 0
) -> dict[str, Any]:
    """Return recall@k over all queries, an absent truth being missed, and how well the probabilities hold.

    Calibration is that of the first candidate: the confidence in it, and whether it was the truth, which it
    was not where the search did not find it. The log loss is that of the truth, or of none where it is absent.
    """
    ranks = truth_ranks(queries, reranker)
    stated, of_truth = np.zeros(len(queries)), np.zeros(len(queries))
    for place, query in enumerate(queries):
        if len(query.scores):
            probabilities = reranker.probabilities(query)
            stated[place] = reranker.confidence(query)
            of_truth[place] = 1 - probabilities.sum() if query.truth is None else probabilities[query.truth]
    right = ranks == 1
    return {
        "recall": {str(top): bootstrap_interval((ranks > 0) & (ranks <= top), seed=seed).as_dict() for top in k},
        "weights": reranker.weights.tolist(),
        "absent": reranker.absent,
        "calibration": {
            "expected_error": expected_calibration_error(stated, right),
            "log_loss": negative_log_likelihood(of_truth, seed=seed).as_dict(),
            "bins": reliability(stated, right),
        },
    }


def compare_rerankers(
    fitted_on: Sequence[ScoredCandidates],
    asked: Sequence[ScoredCandidates],
    columns: Mapping[str, Sequence[int]],
    k: Sequence[int],
    seed: int = 0,
) -> tuple[dict[str, Reranker], dict[str, dict[str, Any]]]:
    """Return, by name, the reranker that uses only some columns of the scores, and its metrics on `asked`."""
    rerankers, metrics = {}, {}
    for name, chosen in columns.items():
        rerankers[name] = Reranker.fit(with_columns(fitted_on, chosen))
        metrics[name] = reranking_metrics(with_columns(asked, chosen), rerankers[name], k, seed)
    return rerankers, metrics


def with_columns(queries: Sequence[ScoredCandidates], columns: Sequence[int]) -> list[ScoredCandidates]:
    """Return the queries with some columns of their scores, in the given order."""
    return [ScoredCandidates(one.query_id, one.scores[:, list(columns)], one.truth) for one in queries]
