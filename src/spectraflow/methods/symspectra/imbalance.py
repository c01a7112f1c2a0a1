"""What is done about rare groups: synthetic samples and losses that weigh them (SymSpectra, Table 2)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spectraflow.methods.symspectra.settings import ImbalanceSettings

Bits = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class SyntheticSamples:
    """M synthetic molecules: `vectors` (M, n, 600) float32, `present` (M, n) bool, `labels` (M, K) bool."""

    vectors: NDArray[np.float32]
    present: Bits
    labels: Bits


class PlainLoss(nn.Module):
    """Binary cross-entropy of every label."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return losses (B, K)."""
        return F.binary_cross_entropy_with_logits(logits, labels, reduction="none")


class WeightedLoss(nn.Module):
    """Binary cross-entropy of label k times `positive[k]` where it is true, else `negative[k]`; both (K,)."""

    positive: Tensor
    negative: Tensor

    def __init__(self, positive: Tensor, negative: Tensor) -> None:
        super().__init__()
        self.register_buffer("positive", positive)
        self.register_buffer("negative", negative)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return losses (B, K)."""
        weights = labels * self.positive + (1 - labels) * self.negative
        return weights * F.binary_cross_entropy_with_logits(logits, labels, reduction="none")


class FocalLoss(nn.Module):
    """-(1 - p)^gamma log p of the probability p given to the truth (Lin et al. 2017), without class weights."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return losses (B, K)."""
        entropy = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        doubt = (-torch.expm1(-entropy)).clamp_min(torch.finfo(entropy.dtype).tiny)
        return doubt**self.gamma * entropy


def element_loss(settings: ImbalanceSettings, labels: Tensor | np.ndarray) -> nn.Module:
    """Return the loss of the strategy, a batch.ElementLoss that moves between devices.

    inverse_frequency: weights N / (2 positives) and N / (2 negatives) of each label, at most `cap`; focal: by `gamma`;
    else plain. `labels` (N, K) are those of the training part.
    """
    match settings.strategy:
        case "inverse_frequency":
            share = torch.as_tensor(labels).float().mean(dim=0, dtype=torch.float64)
            positive, negative = ((0.5 / part).clamp_max(settings.cap).float() for part in (share, 1 - share))
            return WeightedLoss(positive, negative)
        case "focal":
            return FocalLoss(settings.gamma)
        case "none" | "mlsmote":
            return PlainLoss()


def minority_labels(labels: Bits) -> list[int]:
    """Return the labels that are rare among those that occur.

    Their imbalance, positives of the commonest label / their own positives, exceeds the mean imbalance.
    """
    positives = labels.sum(axis=0)
    known = np.flatnonzero(positives)
    if not len(known):
        return []
    imbalance = positives.max() / positives[known]
    return known[imbalance > imbalance.mean()].tolist()


def mlsmote(
    vectors: np.ndarray,
    labels: Bits,
    settings: ImbalanceSettings,
    seed: int = 0,
    *,
    present: Bits | None = None,
) -> SyntheticSamples:
    """Return synthetic samples of rare labels (MLSMOTE, Charte et al., Knowl.-Based Syst. 2015, 89, 385).

    Every sample of every minority label is drawn towards one of its nearest neighbours (Euclidean, all modalities)
    among the samples of that label, by a random share of the way; the new sample has the labels of at least half of
    the sample and its neighbours. Labels with one sample have no neighbours and are left out. Of more than
    `settings.share` x N samples, as many are drawn. A modality is present where both ends have it.

    Args:
        vectors: (N, n, 600), of the training part alone; only rows of minority labels are read.
        labels: (N, K) bool.
        settings: neighbours and share.
        seed: of all choices.
        present: (N, n) bool; None = all.
    """
    generator = np.random.default_rng(seed)
    present = np.ones(vectors.shape[:2], dtype=bool) if present is None else present
    bags = [np.flatnonzero(labels[:, k]) for k in minority_labels(labels)]
    bags = [bag for bag in bags if len(bag) > 1]
    chosen = _chosen(sum(map(len, bags)), int(settings.share * len(labels)), generator)
    parts, start = [], 0
    for bag in bags:
        seeds = chosen[(chosen >= start) & (chosen < start + len(bag))] - start
        if len(seeds):
            parts.append(_near(vectors, bag, seeds, settings.neighbours))
        start += len(bag)
    samples = [_synthesise(vectors, labels, present, *part, generator) for part in parts]
    if not samples:
        return SyntheticSamples(np.zeros((0, *vectors.shape[1:]), np.float32), present[:0], labels[:0])
    columns = zip(*((one.vectors, one.present, one.labels) for one in samples), strict=True)
    return SyntheticSamples(*(np.concatenate(column) for column in columns))


def _chosen(candidates: int, most: int, generator: np.random.Generator) -> Rows:
    if candidates <= most:
        return np.arange(candidates)
    return np.sort(generator.choice(candidates, size=most, replace=False))


def _near(vectors: np.ndarray, bag: Rows, seeds: Rows, neighbours: int) -> tuple[Rows, list[Rows]]:
    """Return the rows of `seeds` (positions in the bag) and the rows of each one's nearest neighbours in the bag.

    The search computes distances in chunks, so memory is that of the bag's vectors.
    """
    from sklearn.neighbors import NearestNeighbors

    flat = np.asarray(vectors[bag], dtype=np.float32).reshape(len(bag), -1)
    count = min(neighbours, len(bag) - 1)
    search = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(flat)
    found = search.kneighbors(flat[seeds], return_distance=False)
    return bag[seeds], [bag[row[row != seed][:count]] for row, seed in zip(found, seeds.tolist(), strict=True)]


def _synthesise(
    vectors: np.ndarray,
    labels: Bits,
    present: Bits,
    seeds: Rows,
    near: list[Rows],
    generator: np.random.Generator,
) -> SyntheticSamples:
    picked = np.array([generator.choice(rows) for rows in near])
    share = generator.random((len(seeds), *[1] * (vectors.ndim - 1)), dtype=np.float32)
    voters = np.column_stack([seeds, np.stack(near)])
    voted = 2 * labels[voters].sum(axis=1) >= voters.shape[1]
    both = present[seeds] & present[picked]
    origin = np.asarray(vectors[seeds], dtype=np.float32)
    made = origin + share * (np.asarray(vectors[picked], dtype=np.float32) - origin)
    made[~both] = 0
    return SyntheticSamples(made, both, voted)
