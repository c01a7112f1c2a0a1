import numpy as np
import pytest
import torch

from spectraflow.methods.km3aid.evaluate import Assigned, assign, atom_metrics, in_batch_metrics, molecule_figures


def molecule(scores, mppm, multiplicity=None):
    n = len(mppm)
    kinds = np.zeros(n, int) if multiplicity is None else np.array(multiplicity)
    return Assigned("m", np.array(scores, float), np.arange(n), np.array(mppm), kinds)


def figures_of(one, seed=0):
    generator = np.random.default_rng(seed)
    return molecule_figures(one, assign(one, generator), generator)


def test_perfect_scores_are_perfect_and_equivalent_carbons_count():
    figures = figures_of(molecule(np.eye(3) * 9, [10_000, 20_000, 30_000]))
    assert all(figures[f"atom/{name}"] == 1 for name in ("published", "argmax", "hungarian", "hungarian_distinct"))
    swapped = molecule([[0, 9, 0], [9, 0, 0], [0, 0, 9]], [10_000, 10_000, 30_000])
    assert figures_of(swapped)["exact/hungarian"] == 1


def test_ties_are_not_decided_by_atom_order():
    one = molecule(np.zeros((6, 6)), list(range(0, 60_000, 10_000)))
    rates = [figures_of(one, seed)["atom/hungarian"] for seed in range(200)]
    assert np.mean(rates) == pytest.approx(1 / 6, abs=0.05)


def test_renumbering_atoms_changes_no_figure():
    generator = np.random.default_rng(0)
    kinds = generator.integers(0, 4, 7)
    scores, mppm = generator.normal(size=(4, 7))[kinds], kinds * 10_000  # equal peaks score equally
    order = generator.permutation(7)
    first = figures_of(molecule(scores, mppm))
    second = figures_of(molecule(scores[np.ix_(order, order)], mppm[order]))
    assert first == pytest.approx(second)


def test_bins_and_the_set_without_single_carbons():
    figures = [figures_of(molecule(np.eye(n) * 9, np.arange(n) * 1000)) for n in (1, 10, 11, 25)]
    metrics = atom_metrics(figures)
    assert metrics["exact/published/<=10"].n == 2
    assert metrics["exact/published/worded/10-20"].n == 2
    assert metrics["exact/hungarian/>20"].n == 1
    assert metrics["atom/published_several_carbons"].n == 3


def test_in_batch_accuracy_of_perfect_and_of_random_embeddings():
    perfect = in_batch_metrics(torch.eye(256), torch.eye(256))
    assert perfect["in_batch/spectrum_to_molecule"].value == 1
    generator = torch.Generator().manual_seed(0)
    noise = [torch.randn(512, 8, generator=generator) for _ in range(2)]
    chance = in_batch_metrics(*noise)
    interval = chance["in_batch/spectrum_to_molecule"]
    assert interval.n == 512, "the interval counts molecules, not batches of the same molecules"
    right = torch.arange(400)[:, None] % 2 * torch.eye(400)  # every second spectrum says nothing
    half = in_batch_metrics(right, torch.eye(400))["in_batch/spectrum_to_molecule"]
    assert half.value == pytest.approx(0.5, abs=0.02)
    assert half.high - half.low == pytest.approx(2 * 1.96 * (0.25 / 400) ** 0.5, rel=0.2)
    assert chance["in_batch/chance"].value == 1 / 128
    assert chance["in_batch/molecule_to_spectrum"].value == pytest.approx(1 / 128, abs=0.01)
