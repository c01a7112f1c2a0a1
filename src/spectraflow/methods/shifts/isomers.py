"""Isomer recognition by predicted shifts (reference section 6.4)."""

from pathlib import Path

import numpy as np

from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.methods.shifts.prediction import PredictedShifts
from spectraflow.methods.shifts.scoring import CARBON_AXIS, Comparison, Molecules, SetLikelihood, Spectra
from spectraflow.retrieval.isomers import rank_isomers
from spectraflow.retrieval.settings import IsomerSettings


def comparisons(
    alignment: Alignment, predicted: PredictedShifts, spectra: np.ndarray, molecules: np.ndarray, how: Comparison
) -> np.ndarray:
    """Return scores (q, c) of the spectra of rows `spectra` with the molecules of rows `molecules`."""
    asked = Spectra([alignment.spectrum(row) for row in spectra.tolist()], CARBON_AXIS)
    return how(asked, Molecules(predicted[molecules].carbons, CARBON_AXIS)).numpy()


def recognise_isomers(
    settings: IsomerSettings,
    predictions: Path,
    alignment: Path,
    graphs: Path,
    molecules: Path,
    split: Path,
    published: Path,
    scores: Path,
    metrics: Path,
) -> None:
    """Score the test part's spectra against all isomers by the likelihood of their distinct shifts; write the files."""
    asked = Alignment.read(alignment, graphs)
    predicted = PredictedShifts.read(predictions, asked.molecule_ids)

    def score(queries: np.ndarray, members: np.ndarray) -> np.ndarray:
        return comparisons(asked, predicted, queries, members, SetLikelihood())

    rank_isomers(settings, score, alignment, molecules, split, published, scores, metrics)
