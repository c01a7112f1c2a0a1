"""Do stated probabilities come true? Reliability by bins and expected calibration error (Guo et al. 2017)."""

import numpy as np

from spectraflow.evaluation.uncertainty import Interval, bootstrap_interval


def reliability(stated: np.ndarray, happened: np.ndarray, bins: int = 10) -> list[dict[str, float | int]]:
    """Return, for equally wide bins of the probability: bounds, mean, share that came true, count.

    stated: probabilities (n,) in [0, 1]; happened: (n,) bool. Raises ValueError for other values or lengths.
    """
    stated, happened = np.asarray(stated, np.float64), np.asarray(happened, bool)
    if stated.shape != happened.shape or stated.ndim != 1:
        raise ValueError(f"probabilities {stated.shape} and outcomes {happened.shape} must be equally long vectors")
    if not ((stated >= 0) & (stated <= 1)).all():
        raise ValueError("probabilities must lie between 0 and 1")
    place = np.minimum((stated * bins).astype(int), bins - 1)
    return [
        {
            "low": one / bins,
            "high": (one + 1) / bins,
            "stated": float(stated[place == one].mean()),
            "happened": float(happened[place == one].mean()),
            "n": int((place == one).sum()),
        }
        for one in np.unique(place).tolist()
    ]


def expected_calibration_error(stated: np.ndarray, happened: np.ndarray, bins: int = 10) -> float:
    """Return the mean over observations of |stated - happened| of their bin; NaN without observations."""
    rows = reliability(stated, happened, bins)
    total = sum(row["n"] for row in rows)
    return sum(row["n"] * abs(row["stated"] - row["happened"]) for row in rows) / total if total else float("nan")


def negative_log_likelihood(of_truth: np.ndarray, *, seed: int = 0, floor: float = 1e-6) -> Interval:
    """Return the mean of -ln p for the probabilities (n,) given to what was true; none counts as less than `floor`."""
    return bootstrap_interval(-np.log(np.maximum(of_truth, floor)), seed=seed)
