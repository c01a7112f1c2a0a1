import numpy as np
import pytest
import torch

from spectraflow.evaluation.assignment import hungarian_assignment
from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.methods.shifts.matching import assigned_molecules
from spectraflow.store.ragged import Ragged

# a methyl, a methylene that was measured where a methyl was predicted, and a quaternary carbon
SHIFTS = {"m0": [(0, 20.0, 1.0), (1, 22.0, 2.0), (2, 140.0, 4.0)], "m1": [(0, 50.0, 1.0)]}
PEAKS = [[(0, 23_000, 3), (1, 19_500, 2), (2, 138_000, 0)], [(0, 49_000, 3)]]


@pytest.fixture
def asked(graphs_of, predicted_shifts):
    rows = [row for one in PEAKS for row in one]
    carbons = Ragged(torch.tensor(rows, dtype=torch.int32), torch.tensor([0, 3, 4]))
    return Alignment(graphs_of("CCC(Cl)(Cl)Cl", "CO"), carbons, ["A", "B"]), predicted_shifts(SHIFTS)


def test_scores_are_laplace_likelihoods_less_fifty_where_the_hydrogens_do_not_fit(asked):
    molecule, other = assigned_molecules(*asked, torch.tensor([0, 1]))
    ppm = torch.tensor([23.0, 19.5, 138.0])
    location, scale = torch.tensor([20.0, 22.0, 140.0]), torch.tensor([1.0, 2.0, 4.0])
    expected = torch.distributions.Laplace(location, scale).log_prob(ppm[:, None]).numpy()
    np.testing.assert_allclose(molecule.scores, expected - 50 * (1 - np.eye(3)), rtol=1e-5)
    assert other.scores.item() == pytest.approx(-1 - np.log(2))


def test_hydrogens_decide_where_shifts_would_mislead(asked):
    (molecule,) = assigned_molecules(*asked, torch.tensor([0]))
    assert hungarian_assignment(molecule.scores).tolist() == [0, 1, 2]
    blind = molecule.scores + 50 * (1 - np.eye(3))
    assert hungarian_assignment(blind).tolist() == [1, 0, 2]


def test_molecules_come_in_the_order_asked_for_with_what_was_measured(asked):
    found = list(assigned_molecules(*asked, torch.tensor([1, 0])))
    assert [one.molecule_id for one in found] == ["m1", "m0"]
    assert found[1].carbon_atom.tolist() == [0, 1, 2]
    assert found[1].mppm.tolist() == [23_000, 19_500, 138_000]
    assert found[1].multiplicity.tolist() == [3, 2, 0]


def test_four_hydrogens_count_as_three(graphs_of, predicted_shifts):
    carbons = Ragged(torch.tensor([[0, -2_000, 3]], dtype=torch.int32), torch.tensor([0, 1]))
    methane = Alignment(graphs_of("C"), carbons, ["A"])
    (molecule,) = assigned_molecules(methane, predicted_shifts({"m0": [(0, -2.0, 0.5)]}), torch.tensor([0]))
    assert molecule.scores.item() == pytest.approx(0.0)
