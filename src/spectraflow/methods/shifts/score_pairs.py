"""Spectra matched with molecules by predicted shifts: a score of each nucleus for every pair."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectraflow.methods.shifts.line_pairing import (
    CARBON_PAIRING,
    PROTON_PAIRING,
    LinePairing,
    distinct_lines,
    distinct_shifts,
)
from spectraflow.methods.shifts.prediction import PredictedShifts
from spectraflow.store.pair_scores import UNKNOWN, HeldOutPairs, write_pair_scores
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import MATCHING_SPECTRA, read_table


def score_pairs(predictions: Path, spectra: Path, pairs: Path, out: Path) -> dict[str, int]:
    """Write how well the candidate's predicted shifts pair with the owner's lines, for the pairs of val and test.

    A score is null where the spectrum has no line, where the candidate has no such nucleus, or where it is not in the
    table of predictions; the counts of these are returned. Raises InputError if an owner has no spectra.
    """
    asked = HeldOutPairs.read(pairs)
    table = read_table(spectra, MATCHING_SPECTRA, ["molecule_id", "carbon_ppm", "proton_ppm"])
    owners = asked.owner_rows(table["molecule_id"].to_pylist(), spectra)
    predicted = PredictedShifts.read(predictions)
    candidates = asked.candidate_rows(predicted.molecule_ids)
    carbon, proton = (
        _scores(how, from_list_columns(table, [column], np.float64), shifts, owners, candidates)
        for how, column, shifts in (
            (CARBON_PAIRING, "carbon_ppm", predicted.carbons),
            (PROTON_PAIRING, "proton_ppm", predicted.protons),
        )
    )
    counts = write_pair_scores(out, asked, carbon, proton)
    return {**counts, "unknown_candidates": int((candidates == UNKNOWN).sum())}


def _scores(
    how: LinePairing, lines: Ragged, shifts: Ragged, owners: NDArray[np.int64], candidates: NDArray[np.int64]
) -> NDArray[np.float64]:
    scores = np.full(len(owners), np.nan)
    known = np.flatnonzero(candidates != UNKNOWN)
    scores[known] = how(distinct_lines(lines), distinct_shifts(shifts, how), owners[known], candidates[known])
    return scores
