"""Training epochs on cached maps of the backbone against epochs that run it on every pair; what the cache costs."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from spectraflow.methods.matchnet.batch import MatchBatch, MatchGraph
from spectraflow.methods.matchnet.feature_extractor import FeatureExtractor
from spectraflow.methods.matchnet.feature_store import FeatureStore
from spectraflow.methods.matchnet.features import cache_features, images_of
from spectraflow.methods.matchnet.network import MatchNetwork
from spectraflow.methods.matchnet.settings import NUCLEI, BackboneSettings, NetworkSettings, RenderingSettings
from spectraflow.tables import RENDERED, SPLITS, read_table, write_table

MOLECULES, ATOMS = 8, 9
BACKBONES = ("tiny", "efficientnet_b0", "densenet121", "resnet50", "resnet101")
BAR = 20
RENDERING = RenderingSettings()
IDS = [f"made:{number}" for number in range(MOLECULES)]


def made_columns(generator: np.random.Generator) -> dict[str, list[list[float]]]:
    """Return columns of both nuclei with ten lines a spectrum."""
    columns = {}
    for stem in ("proton", "carbon"):
        high = np.zeros((MOLECULES, RENDERING.columns), np.float32)
        for row in high:
            row[generator.choice(RENDERING.columns, 10, replace=False)] = generator.random(10)
        columns |= {f"{stem}_high": high.tolist(), f"{stem}_low": (high / 3).tolist()}
    return columns


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("rendered")
    rendered, split = folder / "rendered.parquet", folder / "split.parquet"
    write_table(rendered, RENDERED, {"molecule_id": IDS, **made_columns(np.random.default_rng(0))})
    write_table(split, SPLITS, {"molecule_id": IDS, "part": ["train"] * MOLECULES})
    return rendered, split


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Say how busy the machine is, and use one core: threads that wait for each other on a busy machine cost most."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, one of them used")
    yield
    torch.set_num_threads(threads)


def chains(count: int) -> MatchGraph:
    """Return chains of nine carbon atoms."""
    first = torch.arange(count)[:, None] * ATOMS + torch.arange(ATOMS - 1)
    one_way = torch.stack([first.flatten(), first.flatten() + 1])
    atoms = torch.tensor([0, 2, 2, 2, 0]).expand(count * ATOMS, 5)
    segment = torch.arange(count).repeat_interleave(ATOMS)
    return MatchGraph(atoms, torch.cat([one_way, one_way.flip(0)], 1), segment, torch.full((count,), ATOMS))


@dataclass
class Epoch:
    """One pass over a right and a wrong pair of every molecule, with training steps, in one batch."""

    network: MatchNetwork
    maps: Callable[[Tensor], dict[str, Tensor]]

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.network.parameters(), 1e-4)
        self.owners = torch.arange(MOLECULES).repeat(2)
        labels = torch.arange(2).repeat_interleave(MOLECULES).float()
        self.batch = MatchBatch(chains(2 * MOLECULES), None, None, None, labels)

    def __call__(self) -> None:
        logits = self.network(replace(self.batch, features=self.maps(self.owners)))
        self.optimizer.zero_grad()
        binary_cross_entropy_with_logits(logits, self.batch.labels).backward()
        self.optimizer.step()


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Return the clock's and the cores' time of one call."""
    started, cores = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - started, time.process_time() - cores


def fastest(function: Callable[[], object], turns: int) -> tuple[float, float]:
    clock, cores = zip(*(seconds(function) for _ in range(turns)), strict=True)
    return min(clock), min(cores)


@pytest.mark.benchmark
def test_epoch_on_cached_maps_against_the_backbone_on_every_pair(tables, tmp_path):
    summary = cache_features(RENDERING, BackboneSettings(name="resnet101"), *tables, tmp_path / "out")
    store, extractor = FeatureStore.open(tmp_path / "out", IDS), FeatureExtractor.open(tmp_path / "out")
    pictures = images_of(read_table(tables[0], RENDERED).combine_chunks().to_batches()[0], RENDERING, tables[0])

    def seen(owners: Tensor) -> dict[str, Tensor]:
        return {nucleus: extractor.maps(one[owners.numpy()]) for nucleus, one in zip(NUCLEI, pictures, strict=True)}

    network = MatchNetwork(NetworkSettings(), store.shape[0], RENDERING.columns)
    cached, uncached = fastest(Epoch(network, store.gather), 5), fastest(Epoch(network, seen), 1)
    gathered = fastest(lambda: store.gather(torch.arange(MOLECULES).repeat(2)), 5)
    print(
        f"ResNet-101, {2 * MOLECULES} pairs: an epoch takes {uncached[0]:.2f} s with the backbone, {cached[0]:.4f} s "
        f"with cached maps, of which {gathered[0]:.4f} s for reading them; ratio {uncached[0] / cached[0]:.0f} by the "
        f"clock, {uncached[1] / cached[1]:.0f} in cores (bar {BAR}); at {summary['images_per_second']:.1f} images/s"
    )
    assert uncached[1] / cached[1] >= BAR


@pytest.mark.benchmark
def test_disk_and_memory_of_the_cache(tables, tmp_path):
    for components in (None, 256):
        settings = BackboneSettings(name="resnet50", components=components)
        summary = cache_features(RENDERING, settings, *tables, tmp_path / str(components))
        store = FeatureStore.open(tmp_path / str(components), IDS)
        batch = sum(maps.nbytes for maps in store.gather(torch.arange(MOLECULES)).values()) * 32 / MOLECULES
        print(
            f"{settings.name}, {components or 'all'} channels: {summary['bytes_per_10000'] / 1e9:.2f} GB for 10,000 "
            f"molecules on disk, as much on a GPU that holds them; mapped files else, {batch / 1e6:.1f} MB for 32 pairs"
        )
        assert summary["bytes_per_10000"] == pytest.approx(10_000 * 2 * (components or 2048) * 64 * 2, rel=0.01)


@pytest.mark.benchmark
@pytest.mark.parametrize("name", BACKBONES)
def test_time_of_an_image_on_one_core(tables, name):
    pictures = images_of(read_table(tables[0], RENDERED).combine_chunks().to_batches()[0], RENDERING, tables[0])
    extractor = FeatureExtractor.fit(BackboneSettings(name=name), IDS, pictures, torch.device("cpu"))
    clock, cores = fastest(lambda: extractor.maps(pictures[0]), 3)
    print(f"{name}: {1e3 * clock / MOLECULES:.1f} ms an image by the clock, {1e3 * cores / MOLECULES:.1f} ms of a core")
