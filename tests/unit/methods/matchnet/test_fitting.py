"""Pairs of an epoch, and logits: what a network is shown, and what must not matter."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import pytest
import torch
from torch import nn

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import area_under_curve
from spectraflow.methods.matchnet.assignment import paired_tanimoto
from spectraflow.methods.matchnet.batch import MatchBatch
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import (
    EVALUATED_AT_ONCE,
    Examples,
    MatchTask,
    Trained,
    balanced,
    fixed_examples,
    logits_of,
    shuffled_labels,
)
from spectraflow.methods.matchnet.matchers import load_network
from spectraflow.methods.matchnet.pair_table import read_pairs
from tests.unit.methods.matchnet.matching_files import small_run, untrained, write_matching_files

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_matching_files(tmp_path_factory.mktemp("fitting"), 60)


@pytest.fixture(scope="module")
def store(files):
    return MatchStore.read(files.spectra, files.rendered)


@pytest.fixture(scope="module")
def pairs(files, store):
    return {part: read_pairs(files.pairs, store, part) for part in ("train", "val")}


def training_pairs(store, pairs, **difference):
    return fixed_examples(small_run(**difference), store, pairs["train"])


def as_rows(examples):
    return list(zip(examples.owners.tolist(), examples.candidates.tolist(), examples.labels.tolist(), strict=True))


def similarity(store, examples):
    wrong = ~examples.labels
    return float(paired_tanimoto(store.fingerprints, examples.owners[wrong], examples.candidates[wrong]).mean())


def assert_balanced(examples, molecules):
    """Every molecule is owner and candidate of one pair of each label."""
    for label in (True, False):
        for rows in (examples.owners, examples.candidates):
            assert Counter(rows[examples.labels == label].tolist()) == dict.fromkeys(molecules, 1)
    assert np.array_equal(examples.labels, examples.owners == examples.candidates)


def some_pairs(count, molecules, seed=0):
    owners, candidates = np.random.default_rng(seed).integers(molecules, size=(2, count))
    return Examples(owners, candidates, owners == candidates)


@pytest.mark.parametrize("negatives", ["near", "uniform", "mixed"])
@pytest.mark.parametrize("limit", [None, 12, 100])
def test_pairs_to_train_on_are_balanced(store, pairs, negatives, limit):
    found = training_pairs(store, pairs, negatives=negatives, limit=limit)
    assert_balanced(found, set(found.owners.tolist()))
    assert len(found) == 2 * (12 if limit == 12 else 36)
    assert set(found.owners.tolist()) <= set(range(36))


@pytest.mark.parametrize("negatives", ["near", "uniform"])
def test_without_a_limit_they_are_those_of_the_table(store, pairs, negatives):
    train = pairs["train"]
    chosen = train.take(train.places_of(negatives))
    expected = Counter(as_rows(chosen))
    assert Counter(as_rows(training_pairs(store, pairs, negatives=negatives))) == expected
    assert Counter(as_rows(training_pairs(store, pairs, negatives=negatives, limit=36))) == expected


def test_mixed_negatives_are_more_alike_than_any_and_less_than_near_ones(store, pairs):
    found = {kind: training_pairs(store, pairs, negatives=kind) for kind in ("near", "mixed", "uniform")}
    near, mixed, uniform = (similarity(store, examples) for examples in found.values())
    assert near - 0.05 > mixed > uniform + 0.05
    again = training_pairs(store, pairs, negatives="mixed")
    other = training_pairs(store, pairs, negatives="mixed", training={"seed": 1})
    assert as_rows(found["mixed"]) == as_rows(again) != as_rows(other)


def test_a_limit_draws_the_same_molecules_for_every_seed(store, pairs):
    few, again, other = (training_pairs(store, pairs, limit=12, training={"seed": seed}) for seed in (0, 0, 1))
    assert as_rows(few) == as_rows(again) != as_rows(other)
    assert set(few.owners.tolist()) == set(other.owners.tolist())
    more = training_pairs(store, pairs, limit=20)
    assert set(few.owners.tolist()) < set(more.owners.tolist())
    assert set(few.owners.tolist()) != set(range(12))


def test_a_limit_leaves_val_alone(store, pairs):
    found = fixed_examples(small_run(limit=2), store, pairs["val"])
    assert len(found) == 24


def test_too_few_or_too_alike_molecules_are_an_error(store, pairs):
    with pytest.raises(InputError, match="pairs of the part train: 1 of 1 molecules have identical spectra"):
        training_pairs(store, pairs, limit=1)
    alike = replace(store, codes=np.zeros(len(store), np.int64))
    with pytest.raises(InputError, match="pairs of the part train: 36 of 36 molecules"):
        training_pairs(alike, pairs, negatives="mixed")


def test_negatives_found_here_have_other_spectra(store, pairs):
    twins = replace(store, codes=np.arange(len(store)) // 2)
    for difference in ({"negatives": "mixed"}, {"limit": 20}, {"limit": 20, "negatives": "uniform"}):
        found = training_pairs(twins, pairs, **difference)
        wrong = ~found.labels
        assert (twins.codes[found.owners[wrong]] != twins.codes[found.candidates[wrong]]).all()


def test_shuffled_labels_are_the_same_pairs_with_labels_of_others():
    examples = balanced(np.arange(50), np.roll(np.arange(50), 1))
    found, again, other = (shuffled_labels(examples, seed) for seed in (0, 0, 1))
    assert np.array_equal(found.owners, examples.owners)
    assert np.array_equal(found.candidates, examples.candidates)
    assert found.labels.sum() == 50
    assert 30 < (found.labels == examples.labels).sum() < 70
    assert np.array_equal(found.labels, again.labels)
    assert not np.array_equal(found.labels, other.labels)


@dataclass(frozen=True)
class Watched:
    """A store whose batches tell which pairs they are."""

    store: MatchStore

    def __getattr__(self, name):
        return getattr(self.store, name)

    def batch(self, owners, candidates, labels, settings):
        return list(zip(owners.tolist(), candidates.tolist(), (labels > 0.5).tolist(), strict=True))


def make_task(store, pairs, **difference):
    settings = small_run(**difference)
    training, val = (fixed_examples(settings, store, pairs[part]) for part in ("train", "val"))
    return MatchTask(Trained(nn.Identity()), Watched(store), settings, training, val, CPU)


def epoch(task, number, seed=0):
    return list(task.training_batches(torch.Generator().manual_seed(seed), number))


def test_an_epoch_is_shuffled_full_batches_of_the_training_pairs(store, pairs):
    task = make_task(store, pairs, training={"batch_size": 10})
    found = epoch(task, 0)
    assert [len(batch) for batch in found] == [10] * 7
    flat = list(chain.from_iterable(found))
    assert len(set(flat)) == 70
    assert set(flat) <= set(as_rows(task.training))
    assert flat != as_rows(task.training)[:70]
    assert epoch(task, 0) == epoch(task, 3) == found
    assert epoch(task, 0, seed=1) != found


def test_resampled_negatives_are_others_in_every_epoch(store, pairs):
    task = make_task(store, pairs, resample=True, training={"batch_size": 72})
    (first,), (second,) = epoch(task, 0), epoch(task, 1)
    for found in (first, second):
        assert_balanced(Examples(*map(np.array, zip(*found, strict=True))), range(36))
    assert {pair for pair in first if pair[2]} == {pair for pair in second if pair[2]}
    assert len(set(first) & set(second)) < 36 + 24
    again = make_task(store, pairs, resample=True, training={"batch_size": 72})
    assert epoch(again, 1) == [second]
    other = make_task(store, pairs, resample=True, training={"batch_size": 72, "seed": 1})
    assert set(epoch(other, 1)[0]) != set(second)


def test_resampled_negatives_of_few_molecules_stay_among_them(store, pairs):
    task = make_task(store, pairs, resample=True, limit=8, training={"batch_size": 16})
    for number in range(3):
        (found,) = epoch(task, number)
        assert_balanced(Examples(*map(np.array, zip(*found, strict=True))), set(task.training.owners.tolist()))


def test_resampled_pairs_of_the_control_have_shuffled_labels(store, pairs):
    task = make_task(store, pairs, resample=True, permuted_labels=True, training={"batch_size": 72})
    (found,) = epoch(task, 0)
    assert sum(label for *_, label in found) == 36
    assert 20 < sum((owner == candidate) == label for owner, candidate, label in found) < 52


class Shown(nn.Module):
    """Scores a pair by the first column of the owner's 13C spectrum, and counts the rows it is shown."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def forward(self, batch: MatchBatch):
        self.rows.append(len(batch.labels))
        return batch.columns["13C"][:, 0, 0]


def numbered(store):
    """The store with the number of each molecule in the first column of its spectrum."""
    columns = {nucleus: values.clone() for nucleus, values in store.columns.items()}
    columns["13C"][:, 0, 0] = torch.arange(len(store)).float()
    return store.with_columns(columns)


def test_logits_are_in_the_order_of_pairs_whatever_their_number(store):
    examples, network = some_pairs(2 * EVALUATED_AT_ONCE + 9, len(store)), Shown()
    found = logits_of(Trained(network), numbered(store), examples, small_run().network, CPU)
    assert found.tolist() == examples.owners.tolist()
    assert found.dtype == np.float64
    assert network.rows == [EVALUATED_AT_ONCE, EVALUATED_AT_ONCE, 9]
    nothing = some_pairs(0, len(store))
    assert logits_of(Trained(network), store, nothing, small_run().network, CPU).shape == (0,)


@pytest.mark.parametrize(("difference", "equal"), [(1e-5, True), (0.1, False)])
def test_a_model_that_is_not_as_blind_as_it_should_be_is_not_made_to_look_so(store, difference, equal):
    class Peeking(nn.Module):
        def forward(self, batch: MatchBatch):
            return batch.columns["13C"][:, 0, 0] + difference * batch.labels

    examples = some_pairs(300, len(store))
    blind = small_run(network={"blind": "molecule"}).network
    found = logits_of(Trained(Peeking()), numbered(store), examples, blind, CPU)
    shared = all(len(set(found[examples.owners == row].tolist())) == 1 for row in set(examples.owners.tolist()))
    assert shared is equal
    np.testing.assert_allclose(found, examples.owners + difference * examples.labels, atol=2e-5)


@pytest.mark.parametrize("blind", ["molecule", "spectra"])
@pytest.mark.parametrize("spectra", ["vectors", "peaks"])
def test_pairs_that_a_blind_model_cannot_tell_apart_tie_exactly(store, spectra, blind):
    matcher, examples = untrained(small_run(network={"spectra": spectra, "blind": blind})), some_pairs(700, len(store))
    logits = matcher.logits(store, examples)
    seen = examples.owners if blind == "molecule" else examples.candidates
    alone = {row: set(logits[seen == row].tolist()) for row in set(seen.tolist())}
    assert {len(values) for values in alone.values()} == {1}
    assert len(set().union(*alone.values())) > 30
    chosen = np.array([0, 350, 699])
    few = Examples(examples.owners[chosen], examples.candidates[chosen], examples.labels[chosen])
    np.testing.assert_allclose(matcher.logits(store, few), logits[chosen], atol=1e-5)


@pytest.mark.parametrize("spectra", ["vectors", "images", "peaks"])
def test_a_score_does_not_depend_on_the_neighbours_in_the_batch(trained_networks, spectra):
    run = trained_networks(spectra)
    matcher, _ = load_network(run.folder / "model.safetensors", CPU)
    with torch.no_grad():
        matcher.network.fusion.output.weight *= 8  # so little training scores all pairs nearly alike
    store = MatchStore.read(run.inputs.spectra, run.inputs.rendered, run.inputs.features)
    examples = some_pairs(300, len(store))
    whole = matcher.logits(store, examples)
    assert whole.std() > 1e-3
    order = np.random.default_rng(1).permutation(300)
    for chosen in (order, order[:7], *order[:5, None]):
        part = Examples(examples.owners[chosen], examples.candidates[chosen], examples.labels[chosen])
        np.testing.assert_allclose(matcher.logits(store, part), whole[chosen], atol=1e-5)


def test_the_loss_is_the_cross_entropy_of_a_batch(store, pairs):
    task = make_task(store, pairs)
    batch = replace(store.batch(*2 * [torch.arange(3)], torch.tensor([1.0, 0.0, 0.0]), small_run().network))
    loss, figures = task.loss(lambda carried: torch.tensor([2.0, 1.0, -3.0]), batch)
    assert float(loss) == pytest.approx((np.log1p(np.exp(-2)) + np.log1p(np.exp(1)) + np.log1p(np.exp(-3))) / 3)
    assert float(figures["accuracy"]) == pytest.approx(2 / 3)


def test_validation_counts_the_pairs_on_the_right_side_of_zero(store, pairs):
    task = replace(make_task(store, pairs), store=numbered(store))
    task.val = replace(task.val, labels=task.val.owners > 40)

    class Above(Shown):
        def forward(self, batch):
            return super().forward(batch) - 44.0

    owners = task.val.owners
    found = task.validate(Trained(Above()))
    assert found["val/accuracy"] == pytest.approx(((owners >= 44) == (owners > 40)).mean())
    assert found["val/accuracy"] < 1
    assert found["val/error"] == pytest.approx(1 - found["val/accuracy"])
    assert found["val/auc"] == pytest.approx(area_under_curve(task.val.labels, owners.astype(float))) == 1.0
