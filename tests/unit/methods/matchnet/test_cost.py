"""Times of batches: how many, of which size, and when a slow one is not repeated for long."""

import itertools

import pytest
import torch

from spectraflow.methods.matchnet import cost
from spectraflow.methods.matchnet.cost import BATCH_SIZES, Timed, cached_cost, uncached_cost
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.pair_table import read_pairs
from spectraflow.methods.matchnet.settings import ExaminationSettings
from spectraflow.methods.matchnet.trained_network import open_extractor
from tests.unit.methods.matchnet.matching_files import small_run, untrained, write_matching_files


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    files = write_matching_files(tmp_path_factory.mktemp("cost"), 20)
    store = MatchStore.read(files.spectra, files.rendered, files.features())
    settings = small_run(network={"spectra": "images"})
    pairs = read_pairs(files.pairs, store, "test")
    matcher = untrained(settings, store.features.shape[0])
    return Timed(matcher, store, pairs, ExaminationSettings(timed_batches=4)), files


@pytest.fixture(scope="module")
def extractor(timed):
    return open_extractor(timed[1].features(), timed[0].matcher.settings, torch.device("cpu"))


def test_both_batch_sizes_are_timed(timed):
    found = cached_cost(timed[0])
    assert list(found) == ["16", "32"]
    for one in found.values():
        low, high = one["iqr"]
        assert 0 < low <= one["ms"] <= high
        assert one["n"] == 4
        assert one["peak_mb"] is None, "what a batch takes of a CPU's memory cannot be told"


def test_batches_have_the_size_that_is_said(timed, extractor, monkeypatch):
    seen = []
    network = timed[0].matcher.network
    monkeypatch.setattr(network, "embed_spectra", lambda batch: seen.append(batch) or torch.zeros(len(batch.labels), 8))
    cached_cost(timed[0])
    cached = len(seen)
    uncached_cost(timed[0], extractor)
    sizes = [len(batch.labels) for batch in seen]
    # four warm-ups, as few as there are batches, and four timed ones of each size
    assert sizes == [16] * 8 + [32] * 8 + [16] * 8 + [32] * 8
    assert {len(batch.features["13C"]) for batch in seen} == set(BATCH_SIZES)
    assert len({tuple(batch.labels.tolist()) for batch in seen[:8]}) > 1
    assert seen[0].features["1H"].dtype == torch.float16
    assert seen[cached].features["1H"].dtype == torch.float32


def test_cached_and_uncached_give_the_same_logits(timed, extractor):
    cached, uncached = next(timed[0].cached(16)), next(timed[0].uncached(16, extractor))
    with torch.inference_mode():
        torch.testing.assert_close(cached(), uncached(), rtol=1e-2, atol=1e-2)


def test_slow_batches_are_timed_three_times(timed, monkeypatch):
    calls = []
    monkeypatch.setattr(cost, "_seconds", lambda step, device: calls.append(1) or 2.5)
    one = cost._timing(itertools.repeat(lambda: None), Timed(*vars(timed[0]).values()))
    assert one["n"] == 3
    assert len(calls) == 4
    assert one["ms"] == 2500
