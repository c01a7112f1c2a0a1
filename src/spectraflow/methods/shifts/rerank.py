"""Predicted shifts as a second opinion on the candidates of any search (reference section 8)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.methods.shifts.prediction import PredictedShifts
from spectraflow.methods.shifts.scoring import CARBON_AXIS, SetLikelihood
from spectraflow.retrieval.reranking import Reranker, ScoredCandidates, compare_rerankers, with_columns
from spectraflow.search.settings import SearchSettings
from spectraflow.store.ragged import Ragged
from spectraflow.tables import CANDIDATES, RERANKED, TableWriter, read_table

SCORES = ("search", "mean_likelihood", "summed_likelihood", "sorted_likelihood")
"""Score of the search; likelihood of the distinct shifts a peak and in all; likelihood a carbon of all shifts."""

READINGS = {
    "search": (0,),
    "shifts": (1, 2),
    "search+shifts": (0, 1, 2),
    "shifts, carbon count": (1, 2, 3),
    "search+shifts, carbon count": (0, 1, 2, 3),
}
"""Columns of SCORES that each reading uses; those with the carbon count rule out molecules of another one."""


WRITTEN = "search+shifts"
"""The reading whose order is written."""


def candidate_likelihoods(spectrum: np.ndarray, carbons: Ragged) -> np.ndarray:
    """Return (c, 3): mean and summed log-likelihood of the distinct shifts, mean of all shifts, both lists sorted.

    spectrum: shifts (n,) of all carbons in ppm, ascending, equivalent ones repeated. carbons: c molecules, (atom, ppm,
    scale). The first is `SetLikelihood` without a grid; the last is -inf where the number of carbons differs.
    """
    values, offsets = carbons.values.numpy(), carbons.offsets.numpy()
    peaks = np.unique(spectrum.astype(np.float32))
    found = np.full((len(carbons), 3), -np.inf)
    for row in range(len(carbons)):
        ppm, scale = values[offsets[row] : offsets[row + 1], 1:3].T
        if not len(ppm) or not len(peaks):
            continue
        mean = _set_likelihood(peaks, ppm, scale)
        found[row, :2] = mean, mean * len(peaks)
        if len(ppm) == len(spectrum):
            order = np.lexsort((scale, ppm))
            found[row, 2] = -(np.abs(ppm[order] - spectrum) / scale[order] + np.log(2 * scale[order])).mean()
    return found


def _set_likelihood(peaks: np.ndarray, ppm: np.ndarray, scale: np.ndarray) -> float:
    how, axis = SetLikelihood(), CARBON_AXIS
    distance = np.abs(peaks[:, None] - ppm[None, :])
    density = (np.exp(-distance / scale) / (2 * scale)).mean(axis=1)
    explained = np.log(density * (1 - axis.floor) + axis.floor / (axis.high - axis.low)).mean()
    missed = (np.minimum(distance.min(axis=0), how.cap_ppm) / scale).mean()
    return float(explained - how.unexplained * missed)


def _score(candidates: pl.DataFrame, alignment: Alignment, own: Path, library: Path) -> list[ScoredCandidates]:
    """Return the candidates of each query with all SCORES, in the order of the table."""
    queries = candidates["query_id"].unique(maintain_order=True).to_list()
    row_of = {name: row for row, name in enumerate(alignment.molecule_ids)}
    unknown = [name for name in queries if name not in row_of]
    if unknown:
        raise InputError(f"no spectrum for query {unknown[0]} and {len(unknown) - 1} more of the candidates table")
    truths = PredictedShifts.read(own, queries)
    others = candidates.filter(pl.col("molecule_id") != pl.col("query_id"))["molecule_id"].unique().to_list()
    known = PredictedShifts.read(library, others)
    place = {name: row for row, name in enumerate(known.molecule_ids)}
    scored = []
    for number, frame in enumerate(candidates.partition_by("query_id", maintain_order=True)):
        name, names = queries[number], frame["molecule_id"].to_list()
        spectrum = alignment.spectrum(row_of[name])
        likelihoods = np.zeros((len(names), 3))
        mine = np.array([one == name for one in names])
        rows = np.array([place[one] for one in names if one != name], np.int64)
        likelihoods[~mine] = candidate_likelihoods(spectrum, known[rows].carbons)
        if mine.any():
            likelihoods[mine] = candidate_likelihoods(spectrum, truths[np.array([number])].carbons)
        scores = np.column_stack([frame["score"].to_numpy().astype(float), likelihoods])
        scored.append(ScoredCandidates(name, scores, int(mine.argmax()) if mine.any() else None))
    return scored


def _read(paths: Iterable[Path]) -> list[pl.DataFrame]:
    frames = [pl.DataFrame(pl.from_arrow(read_table(path, CANDIDATES))) for path in paths]
    for frame, path in zip(frames, paths, strict=True):
        if not len(frame):
            raise InputError(f"{path}: holds no candidates")
    return frames


def rerank(
    settings: SearchSettings,
    candidates: Path,
    fit_candidates: Path,
    predictions: Path,
    library_predictions: Path,
    alignment: Path,
    graphs: Path,
    out: Path,
    metrics: Path,
) -> None:
    """Re-rank the candidates of a search by predicted shifts; write the new order, recall and calibration.

    The weights of the scores come from `fit_candidates`, a search with spectra that are not reported. Where none of
    these found its molecule nothing can be fitted: there are no readings, and the new order is empty.
    """
    asked, fitted_on = _read([candidates, fit_candidates])
    shared = set(asked["query_id"]) & set(fitted_on["query_id"])
    if shared:
        raise InputError(f"{len(shared)} queries, {min(shared)} among them, are both fitted on and asked")
    known = Alignment.read(alignment, graphs)
    scored = _score(asked, known, predictions, library_predictions)
    fit_scored = _score(fitted_on, known, predictions, library_predictions)
    figures: dict[str, dict[str, Any]] = {}
    rerankers: dict[str, Reranker] = {}
    if any(one.truth is not None for one in fit_scored):
        rerankers, figures = compare_rerankers(fit_scored, scored, READINGS, settings.k, settings.seed)
    with TableWriter(out, RERANKED) as writer:
        if rerankers:
            ordered = with_columns(scored, READINGS[WRITTEN])
            _write_order(writer, asked, ordered, rerankers[WRITTEN])
    summary: dict[str, Any] = {
        "queries": len(scored),
        "fitted_on": fitted_on["query_id"].n_unique(),
        "truth_absent": sum(one.truth is None for one in scored),
        "scores": list(SCORES),
        "readings": figures,
    }
    write_json(metrics, summary)


def _write_order(
    writer: TableWriter, candidates: pl.DataFrame, scored: Sequence[ScoredCandidates], reranker: Reranker
) -> None:
    for query, frame in zip(scored, candidates.partition_by("query_id", maintain_order=True), strict=True):
        probabilities = reranker.probabilities(query)
        order = np.argsort(-probabilities, kind="stable")
        columns = {name: frame[name].gather(order).to_list() for name in ("molecule_id", "smiles")}
        writer.write(
            {
                "query_id": [query.query_id] * len(order),
                "rank": list(range(1, len(order) + 1)),
                "search_rank": frame["rank"].gather(order).to_list(),
                "probability": probabilities[order].tolist(),
                "confidence": [reranker.confidence(query)] * len(order),
                **columns,
            }
        )
