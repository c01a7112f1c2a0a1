"""Models with one face: networks as they are saved, and scores of other models as logits."""

import math

import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import area_under_curve
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import Examples
from spectraflow.methods.matchnet.matchers import (
    Logistic,
    NetworkMatcher,
    ScoredPairs,
    build_network,
    load_network,
    save_network,
)
from spectraflow.methods.matchnet.pair_table import Pairs
from spectraflow.tables import PAIR_SCORES
from spectraflow.training.checkpoint import save_checkpoint
from tests.unit.conftest import write_rows
from tests.unit.methods.matchnet.matching_files import small_run, untrained, write_matching_files

CPU = torch.device("cpu")
MISSING = math.nan


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    files = write_matching_files(tmp_path_factory.mktemp("matchers"), 20)
    return MatchStore.read(files.spectra, files.rendered)


def every_pair(store):
    owners, candidates = np.divmod(np.arange(len(store) ** 2), len(store))
    return Examples(owners, candidates, owners == candidates)


def test_a_saved_network_gives_the_same_logits(store, tmp_path):
    settings = small_run(network={"nuclei": ["13C"]}, training={"seed": 3})
    network = build_network(settings, None).eval()
    for buffer in network.buffers():
        buffer += torch.rand(buffer.shape).to(buffer.dtype)  # what training leaves in the norms
    save_network(tmp_path / "model.safetensors", network, settings, {"feature_channels": None})
    matcher, state = load_network(tmp_path / "model.safetensors", CPU)
    assert matcher.settings == settings
    assert state["feature_channels"] is None
    expected = NetworkMatcher(network, settings, CPU).logits(store, every_pair(store))
    assert np.array_equal(matcher.logits(store, every_pair(store)), expected)


def test_a_network_starts_from_its_seed_alone():
    one, other, again = (build_network(small_run(training={"seed": seed}), None).state_dict() for seed in (0, 1, 0))
    torch.rand(1)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_pairs_are_scored_in_eval_mode(store):
    matcher = untrained(small_run(network={"dropout": 0.5}))
    expected = matcher.logits(store, every_pair(store))
    matcher.network.train()
    assert np.array_equal(matcher.logits(store, every_pair(store)), expected)
    assert matcher.figures(store, every_pair(store)) == {}


def test_other_files_are_no_networks(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(InputError, match="not a readable checkpoint"):
        load_network(path, CPU)
    save_checkpoint(path, {}, {"settings": {"kind": "cnn"}})
    with pytest.raises(InputError, match=r"model\.safetensors: not a matching model"):
        load_network(path, CPU)
    settings = small_run(kind="line_counts").model_dump(mode="json")
    save_checkpoint(path, {}, {"settings": settings, "feature_channels": None})
    with pytest.raises(InputError, match="a model of kind line_counts, not a network"):
        load_network(path, CPU)


def linked(count, strength, seed=0):
    """Scores (n, k) that are higher for pairs that match, by `strength` (k,), and the labels."""
    generator = np.random.default_rng(seed)
    labels = generator.random(count) < 0.5
    return generator.normal(size=(count, len(strength))) + np.outer(labels, strength), labels


def test_a_curve_keeps_the_order_of_a_score():
    scores, labels = linked(200, [1.5])
    for turned in (1.0, -1.0):
        logits = Logistic.fit(turned * scores, labels).logits(turned * scores)
        assert np.array_equal(np.argsort(logits), np.argsort(scores[:, 0]))
    # as often right as stated
    assert (1 / (1 + np.exp(-logits))).mean() == pytest.approx(labels.mean(), abs=0.01)


def test_the_unit_of_a_score_does_not_matter():
    scores, labels = linked(200, [1.0, 2.0])
    unit, offset = np.array([100.0, 0.01]), np.array([7.0, -3.0])
    plain = Logistic.fit(scores, labels).logits(scores)
    np.testing.assert_allclose(Logistic.fit(scores * unit + offset, labels).logits(scores * unit + offset), plain)


def test_a_missing_score_counts_as_an_average_one():
    scores, labels = linked(300, [1.0, 2.0])
    scores[::5, 0] = np.nan
    curve = Logistic.fit(scores, labels)
    mean = np.nanmean(scores[:, 0])
    found = curve.logits(np.array([[MISSING, 0.7], [mean, 0.7], [mean + 1, 0.7], [MISSING, MISSING]]))
    assert found[0] == pytest.approx(found[1])
    assert found[2] > found[1] + 0.1
    assert np.isnan(found[3])


def test_pairs_without_any_score_do_not_bend_the_curve():
    scores, labels = linked(200, [1.0, 2.0])
    more = np.concatenate([scores, np.full((50, 2), MISSING)]), np.concatenate([labels, np.ones(50, bool)])
    with_unknown = Logistic.fit(*more)
    np.testing.assert_allclose(with_unknown.logits(scores), Logistic.fit(scores, labels).logits(scores), atol=1e-6)
    assert np.isnan(with_unknown.logits(more[0])[200:]).all()


def test_a_score_that_no_pair_has_or_that_is_always_the_same_says_nothing():
    scores, labels = linked(200, [1.5])
    alone = Logistic.fit(scores, labels).logits(scores)
    for other in (MISSING, 4.0):
        both = np.concatenate([scores, np.full((200, 1), other)], axis=1)
        with np.errstate(divide="raise", invalid="raise"):
            found = Logistic.fit(both, labels).logits(both)
        np.testing.assert_allclose(found, alone, atol=1e-6)


@pytest.mark.parametrize("case", ["no score", "one label", "one label among those with a score"])
def test_a_curve_needs_scores_of_both_labels(case):
    scores, labels = linked(20, [1.0])
    if case == "no score":
        scores[:] = MISSING
    elif case == "one label":
        labels[:] = True
    else:
        scores[labels] = MISSING
    with pytest.raises(InputError, match="no scores of true and false pairs of the val part"):
        Logistic.fit(scores, labels)


def made_pairs(part, count):
    """Pairs of `count` owners: true ones and near ones."""
    owners = np.repeat(np.arange(count), 2)
    labels = np.tile([True, False], count)
    sets = np.where(labels, "true", "near").astype(object)
    candidates = np.where(labels, owners, (owners + 1) % count)
    ids = np.array([f"{part}:{place}" for place in range(2 * count)], dtype=object)
    return Pairs(part, ids, sets, owners, candidates, labels)


def write_scores(path, parts, scores):
    """Write scores (n, 2) of the pairs of some parts, in reverse order; NaN as null."""
    ids = [name for pairs in parts for name in pairs.ids]
    known = [[None if math.isnan(value) else value for value in row] for row in scores.tolist()]
    rows = [{"pair_id": name, "carbon": c, "proton": p} for name, (c, p) in zip(ids, known, strict=True)]
    return write_rows(path, PAIR_SCORES, rows[::-1])


@pytest.fixture
def scored(tmp_path):
    """Scores that are good for 13C and tell nothing for 1H, with gaps in the test part."""
    val, test = made_pairs("val", 40), made_pairs("test", 40)
    labels = np.concatenate([val.labels, test.labels])
    scores = np.random.default_rng(0).normal(size=(160, 2)) + np.outer(labels, [3.0, 0.0])
    scores[[80, 81, 85], 0] = MISSING
    scores[[81, 90], 1] = MISSING
    path = write_scores(tmp_path / "scores.parquet", (val, test), scores)
    return ScoredPairs.fit(path, val), val, test, scores


def test_scores_of_a_table_become_logits(scored, store):
    model, val, test, scores = scored
    assert not model.any_pair
    expected = Logistic.fit(scores[:80], val.labels).logits(scores)
    np.testing.assert_allclose(model.logits(store, val), expected[:80])
    np.testing.assert_allclose(model.logits(store, test), expected[80:])
    assert np.flatnonzero(np.isnan(model.logits(store, test))).tolist() == [1]
    assert area_under_curve(val.labels, model.logits(store, val)) > 0.95
    assert model.state["curve"]["weight"] == pytest.approx(model.curve.weight.tolist())


def test_each_spectrum_alone_is_judged_too(scored, store):
    model, val, test, scores = scored
    found = model.figures(store, val)
    assert list(found) == ["near/auc_13C", "near/auc_1H"]
    assert found["near/auc_13C"].value == pytest.approx(area_under_curve(val.labels, scores[:80, 0]))
    assert found["near/auc_1H"].value == pytest.approx(area_under_curve(val.labels, scores[:80, 1]))
    assert found["near/auc_13C"].value > 0.95 > 0.7 > found["near/auc_1H"].value
    assert found["near/auc_13C"].n == 80
    # pairs without a score come last
    lowest = np.where(np.isnan(scores[80:, 0]), -100.0, scores[80:, 0])
    assert model.figures(store, test)["near/auc_13C"].value == pytest.approx(area_under_curve(test.labels, lowest))


def test_a_nucleus_that_was_not_scored_has_no_figure(tmp_path, store):
    val = made_pairs("val", 10)
    scores = np.stack([val.labels.astype(float), np.full(20, MISSING)], axis=1)
    model = ScoredPairs.fit(write_scores(tmp_path / "scores.parquet", (val,), scores), val)
    assert list(model.figures(store, val)) == ["near/auc_13C"]


def test_a_pair_without_a_row_is_named(scored, store, tmp_path):
    model, val, *_ = scored
    path = write_scores(tmp_path / "few.parquet", (made_pairs("val", 39),), np.zeros((78, 2)))
    with pytest.raises(InputError, match=r"few\.parquet: no score of the pair val:78 and of 1 more"):
        ScoredPairs.fit(path, val)
    with pytest.raises(InputError, match="no score of the pair other:0 and of 3 more"):
        model.logits(store, made_pairs("other", 2))
