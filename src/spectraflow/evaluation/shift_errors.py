"""Errors of predicted shifts, and whether their stated scales are right."""

import numpy as np

from spectraflow.evaluation.uncertainty import Interval, ratio_interval

COVERED = {"50": float(np.log(2.0)), "90": float(np.log(10.0))}
"""|error| / scale within which a share of a Laplace distribution lies."""


def shift_error_metrics(
    error: np.ndarray, scale: np.ndarray, molecule: np.ndarray, molecules: int, nucleus: str, seed: int = 0
) -> dict[str, Interval]:
    """Return the mean absolute error in ppm, and how often errors lie within the predicted 50 and 90 % intervals.

    Means are over shifts, intervals by resampled molecules.

    Args:
        error, scale: absolute error and predicted Laplace scale of each shift, (M,), ppm.
        molecule: row of each shift's molecule, (M,) int below `molecules`; molecules without shifts may be among them.
        nucleus: name of the nucleus in the metrics' names, as ``13C``.
    """
    counts = np.bincount(molecule, minlength=molecules)

    def mean(values: np.ndarray) -> Interval:
        return ratio_interval(np.bincount(molecule, values, molecules), counts, seed=seed)

    covered = {f"shift/covered_{share}_{nucleus}": mean(error <= bound * scale) for share, bound in COVERED.items()}
    return {f"shift/mae_{nucleus}": mean(error), **covered}
