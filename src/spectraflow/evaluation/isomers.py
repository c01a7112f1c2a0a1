"""Recognition of isomers: which molecule of one formula does a spectrum come from (K-M3AID reference section 6.4).

A score must not tell mirror images apart, so molecules are counted by identity key: one member an identity. Ties count
against the truth at rank 1; in the one-to-one assignment they are broken by a seeded order of the candidates.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from spectraflow.evaluation.retrieval import at_or_above, lowered
from spectraflow.evaluation.uncertainty import Interval, bootstrap_interval

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of queries (q,) and members (m,), row numbers of the molecules, the scores (q, m); higher is better."""


@dataclass(frozen=True)
class IsomerGroup:
    """The isomers of one formula, as row numbers of the lists they were made from.

    members (m,), one an identity; queries (q,) whose spectra are asked, one an identity; truth (q,): position of each
    query's molecule among the members; twins (q, m): other members of the truth's constitution; seen (q, m): trained
    on by the model that scores the query.
    """

    formula: str
    members: np.ndarray
    queries: np.ndarray
    truth: np.ndarray
    twins: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True)
class ScoredGroup:
    """A group with its scores (q, m)."""

    group: IsomerGroup
    scores: np.ndarray


def formula_groups(
    formulas: Sequence[str],
    identities: Sequence[str],
    first_blocks: Sequence[str],
    candidates: Iterable[int],
    queries: Iterable[int],
    *,
    least: int,
    seen: Collection[int] = (),
) -> list[IsomerGroup]:
    """Return the formulas with at least `least` candidates, counted by identity, and at least one query.

    formulas, identities, first_blocks: of all molecules, in one order; candidates, queries: row numbers, the queries'
    identities must be among the candidates'; seen: rows of the training part, a member is seen if any record of its
    identity is. The first record of an identity stands for it, so that the members do not depend on the queries.
    Raises ValueError for a query outside the candidates.
    """
    first: dict[str, int] = {}
    by_formula: dict[str, list[int]] = {}
    for row in sorted(candidates):
        if identities[row] not in first:
            first[identities[row]] = row
            by_formula.setdefault(formulas[row], []).append(row)
    trained = {identities[row] for row in seen}
    asked: dict[str, dict[int, int]] = {}
    for row in sorted(queries):
        if identities[row] not in first:
            raise ValueError(f"query {row} is not among the candidates")
        asked.setdefault(formulas[row], {}).setdefault(first[identities[row]], row)
    return [
        _group(formula, members, asked[formula], identities, first_blocks, trained)
        for formula, members in by_formula.items()
        if len(members) >= least and formula in asked
    ]


def _group(
    formula: str,
    members: list[int],
    asked: dict[int, int],
    identities: Sequence[str],
    first_blocks: Sequence[str],
    trained: set[str],
) -> IsomerGroup:
    place = {row: position for position, row in enumerate(members)}
    truth = np.array([place[row] for row in asked], np.int64)
    blocks = np.array([first_blocks[row] for row in members])
    twins = blocks[truth][:, None] == blocks[None, :]
    twins[np.arange(len(truth)), truth] = False
    seen = np.tile(np.array([identities[row] in trained for row in members], dtype=bool), (len(truth), 1))
    return IsomerGroup(formula, np.array(members), np.array(list(asked.values())), truth, twins, seen)


def score_groups(groups: Iterable[IsomerGroup], score: Score) -> list[ScoredGroup]:
    """Return the groups with their scores; raises ValueError for scores of a wrong shape or that are NaN."""
    return [ScoredGroup(group, _checked(score(group.queries, group.members), group)) for group in groups]


def _checked(scores: np.ndarray, group: IsomerGroup) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(group.queries), len(group.members)) or np.isnan(scores).any():
        raise ValueError(f"scores {scores.shape} of {group.formula} do not fit its queries and members, or are NaN")
    return scores


def rank_one(scored: ScoredGroup, among: np.ndarray | None = None) -> np.ndarray:
    """Return, as floats (q,), whether each truth scores above all other members (of `among`, (q, m) booleans)."""
    rows = np.arange(len(scored.scores))
    truth = scored.scores[rows, scored.group.truth]
    others = scored.scores.copy()
    others[rows, scored.group.truth] = -np.inf
    if among is not None:
        others[~among] = -np.inf
    counted = at_or_above(lowered(truth), others)
    return ((truth > -np.inf) & (counted == 0)).astype(float)


def one_to_one(scored: ScoredGroup, generator: np.random.Generator) -> np.ndarray:
    """Return, as floats (q,), whether each query is given its truth when no two queries may share a molecule.

    The assignment has the largest total score (Hungarian). Knowing that every spectrum has another molecule is
    information that a single query lacks. Candidates are shuffled: equal scores would otherwise keep the order of the
    lists, which is that of the truth.
    """
    undo = generator.permutation(scored.scores.shape[1])
    scores = _finite(scored.scores)[:, undo]
    rows, columns = linear_sum_assignment(scores, maximize=True)
    given = np.empty(len(scores), np.int64)
    given[rows] = undo[columns]
    return (given == scored.group.truth).astype(float)


def _finite(scores: np.ndarray) -> np.ndarray:
    """Return scores with infinities so far outside that no sum of the others outweighs one."""
    finite = scores[np.isfinite(scores)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    far = (high - low + 1) * (min(scores.shape) + 1)
    return np.clip(scores, low - far, high + far)


def _rank_one_among(scored: ScoredGroup, among: np.ndarray) -> np.ndarray:
    """Return `rank_one` of the queries whose truth has a competitor in `among`."""
    competitors = among.copy()
    competitors[np.arange(len(among)), scored.group.truth] = False
    return rank_one(scored, among)[competitors.any(axis=1)]


def _figures(scored: ScoredGroup, generator: np.random.Generator) -> dict[str, np.ndarray]:
    group = scored.group
    return {
        "rank1": rank_one(scored),
        "one_to_one": one_to_one(scored, generator),
        "rank1_among_unseen": _rank_one_among(scored, ~group.seen),
        "rank1_among_seen": _rank_one_among(scored, group.seen),
        "ceiling_without_stereo": (~group.twins.any(axis=1)).astype(float),
        "chance": np.full(len(group.queries), 1 / len(group.members)),
    }


def isomer_metrics(scored: Iterable[ScoredGroup], seed: int = 0) -> tuple[dict[str, Interval], list[dict[str, Any]]]:
    """Return the metrics of all queries together, and a row for each group, largest first.

    Metrics, means over queries with bootstrap intervals: `rank1`; `one_to_one`; `rank1_among_unseen` and
    `rank1_among_seen`, where only members outside or inside the training part compete with the truth, of the queries
    that have such a competitor;
    `ceiling_without_stereo`, rank 1 of a perfect score that sees no stereo; `chance`. No group gives no metrics.
    """
    ordered = sorted(scored, key=lambda one: (-len(one.group.members), one.group.formula))
    generator = np.random.default_rng(seed)
    figures = [_figures(one, generator) for one in ordered]
    rows = [
        {
            "formula": one.group.formula,
            "members": len(one.group.members),
            "queries": len(one.group.queries),
            "seen": float(one.group.seen.sum(axis=1).mean()),
            **{name: float(values.mean()) if len(values) else None for name, values in found.items()},
        }
        for one, found in zip(ordered, figures, strict=True)
    ]
    names = figures[0] if figures else {}
    return {n: bootstrap_interval(np.concatenate([f[n] for f in figures]), seed=seed) for n in names}, rows
