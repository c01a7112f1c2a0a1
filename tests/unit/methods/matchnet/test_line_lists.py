import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectraflow.methods.matchnet.line_lists import PeakListLines, PredictedLines, merged_lines
from spectraflow.tables import PEAKS, PREDICTED_SHIFTS
from tests.unit.conftest import write_rows

# ethanol, propane (two equal ends), and water, which has no carbon
PREDICTED = {
    "x:1": ("CCO", [18.1, 57.9], [0, 1, 2], [1.2, 3.7, 2.6]),
    "x:2": ("CCC", [16.0, 16.3, 16.0], [0, 1, 2], [0.9, 1.3, 0.9]),
    "x:3": ("OO", [], [0, 1], [8.0, 8.0]),
}


def test_equal_shifts_to_a_hundredth_are_one_line_of_all_their_nuclei():
    found = merged_lines(np.array([77.162, 20.0, 77.158, 20.011]))
    assert found.ppm.tolist() == [20.0, 20.01, 77.16]
    assert found.area.tolist() == [1, 1, 2]
    areas = merged_lines(np.array([1.2, 3.7, 1.2]), np.array([3.0, 2.0, 1.5]))
    assert (areas.ppm.tolist(), areas.area.tolist()) == ([1.2, 3.7], [4.5, 2.0])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-5, 230), st.integers(1, 9)), min_size=1, max_size=40), st.randoms())
def test_merging_loses_no_nucleus_and_knows_no_order(entries, random):
    ppm, area = (np.array(column, np.float64) for column in zip(*entries, strict=True))
    found = merged_lines(ppm, area)
    assert found.area.sum() == pytest.approx(area.sum())
    assert (np.diff(found.ppm) > 0.005).all()
    order = random.sample(range(len(ppm)), len(ppm))
    again = merged_lines(ppm[order], area[order])
    assert np.array_equal(found.ppm, again.ppm)
    assert np.array_equal(found.area, again.area)


def peak_list(molecule, number, technique, position, origin="measured", hydrogens=None):
    spectrum = f"{molecule}/{technique}/{number}"
    row = {"molecule_id": molecule, "spectrum_id": spectrum, "technique": technique, "origin": origin}
    return {**row, "position": position, "hydrogens": hydrogens}


@pytest.fixture
def read(tmp_path):
    return lambda *rows: PeakListLines.read(write_rows(tmp_path / "peaks.parquet", PEAKS, list(rows)))


def test_predicted_and_empty_lists_and_other_techniques_are_left_out(read):
    lines = read(
        peak_list("x:1", 0, "13C", [10.0, 20.0, 30.0], "predicted"),
        peak_list("x:1", 1, "13C", [11.0]),
        peak_list("x:1", 2, "MS", [43.0, 58.0]),
        peak_list("x:2", 0, "13C", [], "measured"),
    )
    assert list(lines.of("x:1")) == ["13C"]
    assert lines.of("x:1")["13C"].ppm.tolist() == [11.0]
    assert lines.of("x:2") == lines.of("x:9") == {}
    assert lines.figures == {"peak_lists": {"13C": 1, "13C left out": 2}}
    assert lines.origin == "measured"


@pytest.mark.parametrize("reverse", [False, True])
def test_the_longest_list_counts_and_of_equal_ones_the_first_by_id(read, reverse):
    rows = [
        peak_list("x:1", 0, "13C", [10.0]),
        peak_list("x:1", 1, "13C", [11.0, 12.0, 13.0]),
        peak_list("x:1", 2, "13C", [14.0, 15.0, 16.0]),
        peak_list("x:1", 3, "13C", [17.0, float("nan"), None, float("inf")]),
        peak_list("x:1", 4, "1H", [1.0, 2.0], "simulated"),
    ]
    lines = read(*(reversed(rows) if reverse else rows))
    assert lines.of("x:1")["13C"].ppm.tolist() == [11.0, 12.0, 13.0]
    assert lines.of("x:1")["1H"].ppm.tolist() == [1.0, 2.0]
    assert lines.origin == "measured and simulated"


def test_protons_are_counted_from_their_number_or_one_an_entry(read):
    lines = read(
        peak_list("x:1", 0, "1H", [3.7, 1.2, 1.2, 2.6], hydrogens=[2.0, 2.0, 1.0, None]),
        peak_list("x:2", 0, "1H", [1.2, 1.2, 1.2, 3.7], hydrogens=None),
        peak_list("x:3", 0, "1H", [1.2, 3.7], hydrogens=[0.0, 1.5]),
    )
    assert lines.of("x:1")["1H"].area.tolist() == [3.0, 1.0, 2.0]
    assert lines.of("x:2")["1H"].area.tolist() == [3.0, 1.0]
    assert lines.of("x:3")["1H"].area.tolist() == [1.0, 1.5]


def test_positions_that_are_no_shifts_are_ignored(read):
    lines = read(
        peak_list("x:1", 0, "1H", [float("nan"), 1.2, None, float("-inf"), 1e9], hydrogens=[3.0, 2.0, 3.0, 3.0, 3.0]),
        peak_list("x:2", 0, "1H", [float("nan"), None]),
    )
    assert lines.of("x:1")["1H"].ppm.tolist() == [1.2]
    assert lines.of("x:1")["1H"].area.tolist() == [2.0]
    assert lines.of("x:2") == {}


@pytest.fixture
def predicted(tmp_path, graphs_table):
    """Read PREDICTED, or some of it in another order, with noise."""

    def run(*, carbon=0.0, proton=0.0, seed=0, names=tuple(PREDICTED)):
        rows = [
            {
                "molecule_id": name,
                "carbon_atom": list(range(len(PREDICTED[name][1]))),
                "carbon_ppm": PREDICTED[name][1],
                "proton_atom": PREDICTED[name][2],
                "proton_ppm": PREDICTED[name][3],
            }
            for name in names
        ]
        table = write_rows(tmp_path / "predictions.parquet", PREDICTED_SHIFTS, rows)
        graphs = graphs_table({name: PREDICTED[name][0] for name in names})
        return PredictedLines.read(table, graphs, carbon, proton, seed)

    return run


def as_lists(lines):
    return {nucleus: (one.ppm.tolist(), one.area.tolist()) for nucleus, one in lines.items()}


def test_without_noise_lines_stand_where_they_were_predicted(predicted):
    lines = predicted()
    assert as_lists(lines.of("x:1")) == {"1H": ([1.2, 2.6, 3.7], [3, 1, 2]), "13C": ([18.1, 57.9], [1, 1])}
    assert as_lists(lines.of("x:2")) == {"1H": ([0.9, 1.3], [6, 2]), "13C": ([16.0, 16.3], [2, 1])}
    assert as_lists(lines.of("x:3")) == {"1H": ([8.0], [2])}
    assert lines.of("x:9") == {}


def test_alike_atoms_stay_one_line_that_moves_as_a_whole(predicted):
    lines = predicted(carbon=0.05, proton=0.05).of("x:2")
    assert lines["13C"].area.tolist() == [2, 1]
    assert lines["1H"].area.tolist() == [6, 2]
    assert lines["13C"].ppm.tolist() != [16.0, 16.3]


def test_noise_is_that_of_the_id_and_the_seed_alone(predicted):
    one = as_lists(predicted(carbon=2.0, proton=0.2).of("x:1"))
    assert one == as_lists(predicted(carbon=2.0, proton=0.2, names=("x:3", "x:1")).of("x:1"))
    lines = predicted(carbon=2.0, proton=0.2)
    lines.of("x:2")
    assert one == as_lists(lines.of("x:1")) == as_lists(lines.of("x:1"))
    assert one != as_lists(predicted(carbon=2.0, proton=0.2, seed=1).of("x:1"))


def test_every_line_of_every_molecule_moves_by_itself(predicted):
    lines = predicted(carbon=2.0)
    alike = PredictedLines(lines.table, lines.hydrogens, {"x:1": 0, "x:4": 0}, {"x:1": 0, "x:4": 0}, 2.0, 0.2, 0)
    moves = [alike.of(name)["13C"].ppm - [18.1, 57.9] for name in ("x:1", "x:4")]
    assert len({round(float(one), 6) for one in np.concatenate(moves)}) == 4


def test_noise_has_the_size_that_was_asked_for(predicted):
    moved = {"13C": [], "1H": []}
    base = predicted(carbon=2.0, proton=0.2)
    for seed in range(400):
        found = PredictedLines(base.table, base.hydrogens, base.rows, base.graph_rows, 2.0, 0.2, seed).of("x:1")
        moved["13C"] += (found["13C"].ppm - [18.1, 57.9]).tolist()
        moved["1H"].append(float(found["1H"].ppm[-1]) - 3.7)
    assert np.std(moved["13C"]) == pytest.approx(2.0, rel=0.15)
    assert np.std(moved["1H"]) == pytest.approx(0.2, rel=0.2)
    assert abs(np.mean(moved["13C"])) < 0.3


def test_the_noise_is_told(predicted):
    assert predicted(carbon=2.0, proton=0.2, seed=3).figures == {"noise_ppm": {"13C": 2.0, "1H": 0.2}, "seed": 3}
