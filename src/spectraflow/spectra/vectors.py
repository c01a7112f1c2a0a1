"""Spectra that are long arrays as vectors of 600 numbers.

Source: SymSpectra (OpenReview ABowPwRMu0), Appendix F: linear interpolation, then min-max scaling of NMR. The methods
`max` and `area` are ours: simulated NMR lines are narrower than the distance between two of the 600 points, so that
interpolation alone misses most of a line's height.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.spectra.modalities import VECTOR_POINTS

Resampling = Literal["linear", "max", "area"]
Values = NDArray[np.floating[Any]]


def resample(values: Values, method: Resampling = "linear") -> Values:
    """Return spectra (N, M) as vectors (N, 600) on the same axis, in the precision given.

    linear: the value at index j (M - 1) / 599 for point j, between its neighbours; M is at least 2. max, area: the
    maximum and the sum over the bins that begin at floor(j M / 600); M is at least 600. Raises InputError for fewer
    values.
    """
    least = 2 if method == "linear" else VECTOR_POINTS
    if values.ndim != 2 or values.shape[1] < least:
        raise InputError(
            f"spectra of shape {values.shape}; resampling '{method}' needs rows of {least} values at least"
        )
    return _METHODS[method](values)


def min_max(vectors: Values) -> Values:
    """Return (x - min) / (max - min) of every row of (N, M); a constant row becomes zeros."""
    lowest = vectors.min(axis=1, keepdims=True)
    span = vectors.max(axis=1, keepdims=True) - lowest
    return (vectors - lowest) / np.where(span > 0, span, 1)


def _linear(values: Values) -> Values:
    last = values.shape[1] - 1
    at = np.arange(VECTOR_POINTS) * (last / (VECTOR_POINTS - 1))
    below = np.minimum(at.astype(np.int64), last - 1)
    share = (at - below).astype(values.dtype)
    vectors, above = values[:, below], values[:, below + 1]
    vectors *= 1 - share
    above *= share
    vectors += above
    return vectors


def _starts(values: Values) -> NDArray[np.int64]:
    return np.floor(np.linspace(0, values.shape[1], VECTOR_POINTS + 1)).astype(np.int64)[:-1]


def _maximum(values: Values) -> Values:
    return np.maximum.reduceat(values, _starts(values), axis=1)


def _area(values: Values) -> Values:
    return np.add.reduceat(values, _starts(values), axis=1)


_METHODS: dict[Resampling, Callable[[Values], Values]] = {"linear": _linear, "max": _maximum, "area": _area}
