"""Embeddings on a plane, and how well near molecules tell the target before and after (paper, Fig. 2)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def plane(features: Numbers, *, perplexity: float, seed: int) -> Numbers:
    """Return t-SNE positions (n, 2) of embeddings (n, d), started from their principal components.

    The perplexity is a third of the molecules where there are too few. A constant embedding lies in one point. Raises
    ValueError for fewer than four molecules and for numbers that are not finite.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(features) < 4 or not np.isfinite(features).all():
        raise ValueError(f"{len(features)} embeddings, or some of their numbers, are not enough to draw")
    if np.ptp(features, axis=0).max() == 0:
        return np.zeros((len(features), 2))
    perplexity = min(perplexity, (len(features) - 1) / 3)
    # sums over threads differ in their last digits, and t-SNE makes other maps of them
    with threadpool_limits(1):
        places = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(features)
    return np.asarray(places, dtype=np.float64)


def neighbour_r2(features: Numbers, target: Numbers, parts: NDArray[np.str_], neighbours: int) -> dict[str, float]:
    """Return R2 of the mean target of the nearest training molecules as a prediction, for train, val and test apart.

    Args:
        features: embedding or position of each molecule, (n, d).
        target: measured value, (n,); molecules without one (NaN) are neither predicted nor neighbours.
        parts: part of each molecule, (n,).
        neighbours: neighbours, at most; a training molecule is not its own.

    A part of fewer than two molecules, or of one value, has NaN.
    """
    known = np.isfinite(target)
    training = known & (parts == "train")
    found = {}
    for part in ("train", "val", "test"):
        asked = known & (parts == part)
        excluded = 1 if part == "train" else 0
        found[part] = _r2(target[asked], _predicted(features, target, training, asked, neighbours, excluded))
    return found


def _predicted(
    features: Numbers, target: Numbers, training: NDArray[np.bool_], asked: NDArray[np.bool_], neighbours: int, own: int
) -> Numbers:
    from sklearn.neighbors import NearestNeighbors

    count = min(neighbours, int(training.sum()) - own)
    if count < 1 or not asked.any():
        return np.full(int(asked.sum()), np.nan)
    search = NearestNeighbors(n_neighbors=count).fit(features[training])
    # asked without points, the search leaves each training molecule out of its own neighbours
    near = search.kneighbors(None if own else features[asked], return_distance=False)
    return np.asarray(target[training][near].mean(axis=1))


def _r2(measured: Numbers, predicted: Numbers) -> float:
    spread = float(((measured - measured.mean()) ** 2).sum()) if len(measured) > 1 else 0.0
    return 1 - float(((measured - predicted) ** 2).sum()) / spread if spread > 0 else float("nan")


def neighbourhoods(
    features: Numbers,
    positions: Numbers,
    target: Numbers,
    parts: NDArray[np.str_],
    *,
    neighbours: int,
    shuffles: int,
    seed: int,
) -> dict[str, Any]:
    """Return, as JSON values, `neighbour_r2` in the ``embedding``, on the ``plane`` and, as control, ``shuffled``.

    The control is the mean of the R2 in the embedding over targets shuffled among the measured molecules of each part.
    """
    generator = np.random.default_rng(seed)
    shuffled = [neighbour_r2(features, _shuffled(target, parts, generator), parts, neighbours) for _ in range(shuffles)]
    control = {part: float(np.mean([one[part] for one in shuffled])) for part in shuffled[0]}
    found = {
        "embedding": neighbour_r2(features, target, parts, neighbours),
        "plane": neighbour_r2(positions, target, parts, neighbours),
        "shuffled": control,
    }
    return {
        name: {part: value if np.isfinite(value) else None for part, value in values.items()}
        for name, values in found.items()
    }


def _shuffled(target: Numbers, parts: NDArray[np.str_], generator: np.random.Generator) -> Numbers:
    values = target.copy()
    for part in np.unique(parts):
        rows = np.flatnonzero((parts == part) & np.isfinite(target))
        values[rows] = target[generator.permutation(rows)]
    return values
