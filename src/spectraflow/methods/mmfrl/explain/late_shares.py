"""What each encoder contributes to the sum of late fusion (paper, Fig. 4)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectraflow.evaluation.uncertainty import Interval

Numbers = NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DRAWS = 1_000
_DRAWN_AT_ONCE = 1_000_000

Errors = Callable[[Numbers, Numbers], Numbers]


def late_shares(
    names: Sequence[str], coefficients: Numbers, predictions: Numbers, measured: Numbers, kind: str, seed: int = 0
) -> dict[str, Any]:
    """Return, as JSON values, what each of K encoders contributes to the predictions of R molecules for one target.

    Args:
        names: the encoders, K.
        coefficients: c_k of each molecule, (R, K).
        predictions: p_k of each molecule, (R, K): logits, or values in deviations of the training part.
        measured: target of each molecule in the same unit, or 0 and 1, (R,); NaN = not measured.
        kind: ``regression`` or ``classification``.
        seed: seed of the bootstrap.

    For each encoder ``coefficient``, ``prediction`` and ``product`` hold mean, deviation and quantiles. ``active`` is
    the share of molecules whose coefficient is not zero; elsewhere its prediction gets no gradient. ``variance_share``
    is the variance of c_k p_k over the sum of these variances; ``covariance_share`` its covariance with the sum over
    the variance of the sum, so that shares add up to 1 and opposed encoders show as negative. ``without`` is how much
    the error grows when c_k p_k is replaced by its mean, with a 95 % interval over molecules; the error is RMSE, or the
    mean logarithmic loss of a classification. c_k and p_k alone are known up to a factor: read the products.
    """
    if coefficients.shape != predictions.shape or coefficients.shape != (len(measured), len(names)):
        raise ValueError(f"coefficients {coefficients.shape} and predictions {predictions.shape} do not fit")
    products = coefficients * predictions
    variances, total = products.var(axis=0), products.sum(axis=1)
    with_total = ((products - products.mean(0)) * (total - total.mean())[:, None]).mean(axis=0)
    growth = _growth(products, measured, kind, seed)
    found = {
        name: {
            "coefficient": _distribution(coefficients[:, k]),
            "prediction": _distribution(predictions[:, k]),
            "product": _distribution(products[:, k]),
            "active": float((coefficients[:, k] != 0).mean()),
            "variance_share": _ratio(variances[k], variances.sum()),
            "covariance_share": _ratio(with_total[k], total.var()),
            "without": growth[k].as_dict(),
        }
        for k, name in enumerate(names)
    }
    error = "rmse" if kind == "regression" else "log_loss"
    return {"molecules": len(measured), "error": error, "encoders": found}


def _distribution(values: Numbers) -> dict[str, Any]:
    quantiles = np.quantile(values, QUANTILES).tolist()
    return {
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "quantiles": dict(zip(map(str, QUANTILES), quantiles, strict=True)),
    }


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def _growth(products: Numbers, measured: Numbers, kind: str, seed: int) -> list[Interval]:
    """Return, for each encoder, the error without it minus the error with all, over the measured molecules."""
    known = np.isfinite(measured)
    products, measured = products[known], measured[known]
    count = len(measured)
    if not count:
        return [Interval(np.nan, np.nan, np.nan, 0)] * products.shape[1]
    losses, finish = (_squared, np.sqrt) if kind == "regression" else (_log_loss, np.asarray)
    total = products.sum(axis=1)
    replaced = [total - products[:, k] + products[:, k].mean() for k in range(products.shape[1])]
    by_molecule = np.stack([losses(measured, values) for values in (total, *replaced)], axis=1)
    drawn = np.concatenate(list(_resampled_means(by_molecule, seed)))
    values, draws = finish(by_molecule.mean(axis=0)), finish(drawn)
    lows, highs = np.quantile(draws[:, 1:] - draws[:, :1], [0.025, 0.975], axis=0)
    return [
        Interval(float(value - values[0]), float(low), float(high), count)
        for value, low, high in zip(values[1:], lows, highs, strict=True)
    ]


def _resampled_means(values: Numbers, seed: int) -> list[Numbers]:
    """Return the means of the columns of `values` (n, c) in bootstrap samples of its rows, in blocks of samples."""
    generator, count = np.random.default_rng(seed), len(values)
    block = max(1, _DRAWN_AT_ONCE // count)
    sizes = [min(block, DRAWS - start) for start in range(0, DRAWS, block)]
    return [generator.multinomial(count, np.full(count, 1 / count), size=size) @ values / count for size in sizes]


def _squared(measured: Numbers, predicted: Numbers) -> Numbers:
    return (measured - predicted) ** 2


def _log_loss(measured: Numbers, logits: Numbers) -> Numbers:
    return np.logaddexp(0, logits) - measured * logits
