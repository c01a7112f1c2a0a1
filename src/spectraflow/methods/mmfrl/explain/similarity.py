"""How alike two embeddings of the same molecules are, against shuffled molecules (paper, Fig. 3)."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectraflow.evaluation.uncertainty import bootstrap_interval

Numbers = NDArray[np.float64]


def linear_cka(one: Numbers, other: Numbers) -> float:
    """Return the linear centred kernel alignment of embeddings (n, c) and (n, d) of the same molecules, 0 to 1.

    Rotations and a common scale of either embedding change nothing. NaN if one of them is constant. With fewer
    molecules than dimensions it is high even for unrelated embeddings: read it against `shuffled_cka`. Source:
    Kornblith et al., ICML 2019, section 3. Raises ValueError if the embeddings are not of equally many molecules.
    """
    one, other = _centred(one), _centred(other)
    if len(one) != len(other):
        raise ValueError(f"embeddings of {len(one)} and {len(other)} molecules cannot be compared")
    return _alignment(one, other)


def shuffled_cka(one: Numbers, other: Numbers, shuffles: int, seed: int) -> Numbers:
    """Return `linear_cka` after shuffling the molecules of `other`, (shuffles,)."""
    one, other = _centred(one), _centred(other)
    generator = np.random.default_rng(seed)
    return np.array([_alignment(one, other[generator.permutation(len(other))]) for _ in range(shuffles)])


def cosines(one: Numbers, other: Numbers) -> Numbers:
    """Return the cosine of the two embeddings (n, d) of each molecule, (n,); 0 where one of them is zero."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.divide((one * other).sum(1), lengths, out=np.zeros(len(one)), where=lengths > 0)


def compared(features: Mapping[str, Numbers], fused: Numbers | None, shuffles: int, seed: int) -> dict[str, Any]:
    """Return, as JSON values, the similarity of each pair of `features`, and of each with `fused` where there is one.

    ``pairs`` lists ``one``, ``other``, ``cka``, ``shuffled_cka`` (mean and highest of the control), ``cosine`` (mean
    with a bootstrap interval over molecules; null where the widths differ) and ``shuffled_cosine`` (mean). The bases of
    two encoders are unrelated, so that a low cosine alone does not show that they complement each other.
    """
    every = dict(features) | ({} if fused is None else {"fused": fused})
    found = [
        {"one": one, "other": other, **_pair(every[one], every[other], shuffles, seed)}
        for one, other in combinations(every, 2)
    ]
    return {"molecules": len(next(iter(every.values()))), "shuffles": shuffles, "pairs": found}


def _pair(one: Numbers, other: Numbers, shuffles: int, seed: int) -> dict[str, Any]:
    control = shuffled_cka(one, other, shuffles, seed)
    found = {
        "cka": _number(linear_cka(one, other)),
        "shuffled_cka": {"mean": _number(control.mean()), "highest": _number(control.max())},
        "cosine": None,
        "shuffled_cosine": None,
    }
    if one.shape == other.shape:
        generator = np.random.default_rng(seed)
        shuffled = [cosines(one, other[generator.permutation(len(other))]).mean() for _ in range(shuffles)]
        found["cosine"] = bootstrap_interval(cosines(one, other), seed=seed).as_dict()
        found["shuffled_cosine"] = float(np.mean(shuffled))
    return found


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _centred(values: Numbers) -> Numbers:
    values = np.asarray(values, dtype=np.float64)
    return values - values.mean(axis=0)


def _alignment(one: Numbers, other: Numbers) -> float:
    norms = float(np.linalg.norm(one.T @ one) * np.linalg.norm(other.T @ other))
    return float(np.linalg.norm(other.T @ one) ** 2 / norms) if norms > 0 else float("nan")
