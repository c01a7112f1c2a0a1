"""Time and memory of a batch of pairs (Table 3 of the paper, which states neither the batch nor the warm-up)."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from spectraflow.methods.matchnet.batch import MatchBatch
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.feature_extractor import FeatureExtractor
from spectraflow.methods.matchnet.matchers import NetworkMatcher
from spectraflow.methods.matchnet.pair_table import Pairs
from spectraflow.methods.matchnet.settings import ExaminationSettings
from spectraflow.methods.matchnet.trained_network import Images, images_of

BATCH_SIZES = (16, 32)
WARM_UPS = 20
SLOW_SECONDS, SLOW_BATCHES = 2.0, 3
"""Where a batch takes longer, this many are timed at most."""
Step = Callable[[], object]


@dataclass(frozen=True)
class Timed:
    """Pairs that are drawn for batches: a network, a store that is not on its device, pairs and a seed."""

    matcher: NetworkMatcher
    store: MatchStore
    pairs: Pairs
    settings: ExaminationSettings

    def cached(self, size: int) -> Iterator[Step]:
        """Yield forward passes of random batches whose spectra are as they are kept."""
        for _, batch in self._batches(size):
            yield partial(self.matcher.network, batch)

    def uncached(self, size: int, extractor: FeatureExtractor) -> Iterator[Step]:
        """Yield forward passes of random batches of images, which the backbone sees first."""
        for owners, batch in self._batches(size):
            yield partial(self._seen, extractor, self._images(owners), batch)

    def _seen(self, extractor: FeatureExtractor, images: dict[str, Images], batch: MatchBatch) -> torch.Tensor:
        maps = {nucleus: extractor.maps(one) for nucleus, one in images.items()}
        logits: torch.Tensor = self.matcher.network(replace(batch, features=maps))
        return logits

    def _batches(self, size: int) -> Iterator[tuple[torch.Tensor, MatchBatch]]:
        generator = np.random.default_rng(self.settings.seed)
        while True:
            places = generator.integers(len(self.pairs), size=size)
            owners, candidates = (torch.from_numpy(rows[places]) for rows in (self.pairs.owners, self.pairs.candidates))
            labels = torch.from_numpy(self.pairs.labels[places]).float()
            batch = self.store.batch(owners, candidates, labels, self.matcher.settings.network)
            yield owners, batch.to(self.matcher.device)

    def _images(self, owners: torch.Tensor) -> dict[str, Images]:
        assert self.store.columns is not None
        run = self.matcher.settings
        return {n: images_of(self.store.columns[n][owners].numpy(), run.rendering) for n in run.network.nuclei}


def cached_cost(timed: Timed) -> dict[str, Any]:
    """Return by batch size the median ``ms`` of a batch, quartiles ``iqr``, batches timed ``n`` and ``peak_mb``.

    Spectra are as they are kept, images as maps of the backbone; batches are put together beforehand.
    """
    return {str(size): _timing(timed.cached(size), timed) for size in BATCH_SIZES}


def uncached_cost(timed: Timed, extractor: FeatureExtractor) -> dict[str, Any]:
    """Return the same for batches that start with images, as the paper's do; they are drawn beforehand."""
    return {str(size): _timing(timed.uncached(size, extractor), timed) for size in BATCH_SIZES}


@torch.inference_mode()
def _timing(steps: Iterator[Step], timed: Timed) -> dict[str, Any]:
    device, batches = timed.matcher.device, timed.settings.timed_batches
    slow = _seconds(next(steps), device) > SLOW_SECONDS
    if slow:
        batches = min(batches, SLOW_BATCHES)
    for _ in range(0 if slow else min(WARM_UPS, batches) - 1):
        _seconds(next(steps), device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    taken = [1000 * _seconds(next(steps), device) for _ in range(batches)]
    quartiles = np.percentile(taken, [25, 75]).tolist()
    return {"ms": statistics.median(taken), "iqr": quartiles, "n": batches, "peak_mb": _peak_mb(device)}


def _seconds(step: Step, device: torch.device) -> float:
    _wait_for(device)
    started = time.perf_counter()
    step()
    _wait_for(device)
    return time.perf_counter() - started


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_mb(device: torch.device) -> float | None:
    """Return the most memory of a GPU that tensors filled, MB; what a batch takes of a CPU's cannot be told."""
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None
