import numpy as np
import pytest

from spectraflow.evaluation.molecule_assignment import (
    Assigned,
    assign,
    atom_metrics,
    evaluate_assignments,
    molecule_figures,
)


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


def test_metrics_and_rows_of_the_table_come_from_the_same_molecules():
    molecules = [molecule(np.eye(n) * 9, np.arange(n) * 1000) for n in (2, 5)]
    metrics, rows = evaluate_assignments(molecules)
    assert metrics["atom/hungarian"].n == 2
    assert len(rows) == 7
    assert all(row["hungarian_atom"] == row["carbon_atom"] for row in rows)
