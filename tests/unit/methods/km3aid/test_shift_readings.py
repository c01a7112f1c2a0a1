import numpy as np
import pytest
import torch

from spectraflow.evaluation.molecule_assignment import Assigned, evaluate_assignments
from spectraflow.evaluation.peak_scores import peak_scores
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.shift_readings import assignment_readings, error_metrics, joined, likelihoods
from spectraflow.nn.shift_head import CARBON, DEVIATIONS_PPM, Prediction, standardised
from spectraflow.tables import ALIGNMENT, GRAPHS, read_table

ROWS = torch.tensor([7, 2, 31])


@pytest.fixture
def store(alignment_files):
    return AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])


def predicted(store, rows, offset_ppm=0.0, scale_ppm=1.0):
    """Predict the measured shifts but for an offset."""
    ppm = store.carbons.take(rows)[0][:, 1] / 1000 + offset_ppm
    return Prediction(standardised(ppm, CARBON), torch.full_like(ppm, scale_ppm / DEVIATIONS_PPM[CARBON]).log())


def test_every_molecule_is_scored_by_its_own_carbons(store, alignment_files):
    scores = likelihoods(store, ROWS, predicted(store, ROWS, offset_ppm=3.0, scale_ppm=2.0))
    table = read_table(alignment_files["alignment"], ALIGNMENT).to_pylist()
    graphs = {row["molecule_id"]: row for row in read_table(alignment_files["graphs"], GRAPHS).to_pylist()}
    for row, found in zip(ROWS.tolist(), scores, strict=True):
        ppm = np.array(table[row]["shift_mppm"]) / 1000
        hydrogens = np.array(graphs[table[row]["molecule_id"]]["hydrogens"])[table[row]["carbon_atom"]]
        expected = peak_scores(ppm, np.array(table[row]["multiplicity"]), ppm + 3.0, np.full(len(ppm), 2.0), hydrogens)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_errors_are_those_of_the_prediction(store):
    found = error_metrics(store, ROWS, predicted(store, ROWS, offset_ppm=-3.0, scale_ppm=2.0))
    assert found["shift/mae_13C"].value == pytest.approx(3.0, abs=1e-3)
    assert found["shift/mae_13C"].n == len(store.carbons.take(ROWS)[0])
    assert found["shift/covered_50_13C"].value == 0.0, "3 ppm are more than 2 ln 2"
    assert found["shift/covered_90_13C"].value == 1.0, "3 ppm are less than 2 ln 10"


def test_readings_use_the_likelihood_alone_and_the_sum():
    """Alignment and likelihood each tell two carbons apart and leave two tied; the sum tells all apart."""
    carbon, mppm = np.arange(4), np.array([10_000, 20_000, 30_000, 40_000])
    first = np.kron(np.array([[0.0, -9.0], [-9.0, 0.0]]), np.ones((2, 2)))
    second = np.kron(np.ones((2, 2)), np.array([[0.0, -9.0], [-9.0, 0.0]]))
    aligned = [Assigned(str(name), first, carbon, mppm, np.zeros(4, np.int64)) for name in range(50)]
    metrics = assignment_readings(aligned, [second] * 50)
    assert metrics["atom_joint/hungarian"].value == 1.0
    assert metrics["exact_joint/hungarian/<=10"].value == 1.0
    assert metrics["atom_head/hungarian"].value < 0.9
    assert metrics["atom_head/hungarian"].n == 50
    own, _ = evaluate_assignments(aligned)
    told = {name for name in own if "chance" not in name}
    families = {name.replace("atom/", "atom_joint/").replace("exact/", "exact_joint/") for name in told}
    assert families | {name.replace("_joint/", "_head/") for name in families} == set(metrics)


def test_batches_are_joined_in_order(store):
    whole = predicted(store, ROWS)
    parts = [predicted(store, rows) for rows in ROWS.split(2)]
    for one, other in zip(joined(parts), whole, strict=True):
        torch.testing.assert_close(one, other)
