import pytest
import torch

from spectraflow.methods.shifts.model import ShiftNetwork
from spectraflow.methods.shifts.network import NetworkPredictor
from spectraflow.methods.shifts.settings import ShiftsModelSettings
from spectraflow.nn.shift_head import DEVIATIONS_PPM, MEANS_PPM
from spectraflow.store.closed_walks import closed_walks

SMILES = ["c1ccc2[nH]ccc2c1", "O", "CC(C)(C)O", "ClCl", "CC(=O)OC1CCC1", "C"]


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    return NetworkPredictor(ShiftNetwork(ShiftsModelSettings(layers=2, dim=16)).eval())


def rows_of(ragged, row):
    return ragged.values[ragged.offsets[row] : ragged.offsets[row + 1]]


def test_shifts_come_in_ppm_at_their_atoms_in_the_order_of_the_molecules(predictor, graphs_of):
    predicted = predictor.predict(graphs_of(*SMILES))
    assert predicted.molecule_ids == [f"m{number}" for number in range(len(SMILES))]
    for row, smiles in enumerate(SMILES):
        graph = graphs_of(smiles).batch(torch.tensor([0]))
        h = predictor.network.encode(graph, closed_walks(graph))
        targets = (graph.atoms[:, 0] == 6).nonzero()[:, 0], (graph.atoms[:, 3] > 0).nonzero()[:, 0]
        for nucleus, (part, atoms) in enumerate(zip((predicted.carbons, predicted.protons), targets, strict=True)):
            location, log_scale = predictor.network.predict(h, atoms, nucleus)
            expected = torch.stack(
                [
                    atoms.float(),
                    MEANS_PPM[nucleus] + DEVIATIONS_PPM[nucleus] * location,
                    DEVIATIONS_PPM[nucleus] * log_scale.exp(),
                ],
                1,
            )
            torch.testing.assert_close(rows_of(part, row), expected.detach(), rtol=1e-4, atol=1e-3)


def test_molecules_without_carbons_or_protons_have_empty_rows(predictor, graphs_of):
    predicted = predictor.predict(graphs_of(*SMILES))
    assert predicted.carbons.counts.tolist() == [8, 0, 4, 0, 6, 1]
    assert predicted.protons.counts.tolist() == [7, 1, 4, 0, 5, 1]


def test_a_library_of_nothing_but_inorganics_is_predicted_too(predictor, graphs_of):
    predicted = predictor.predict(graphs_of("ClCl", "BrBr"))
    assert len(predicted) == 2
    assert predicted.carbons.counts.tolist() == predicted.protons.counts.tolist() == [0, 0]
