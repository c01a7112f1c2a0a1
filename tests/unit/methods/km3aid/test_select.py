import pytest

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.km3aid.select import Unusable, assign_carbons, select
from spectraflow.tables import ALIGNMENT, PEAKS, TableWriter, read_table


def peaks(*rows):
    return {"position": [r[0] for r in rows], "multiplicity": [r[1] for r in rows], "atoms": [r[2] for r in rows]}


def test_shifts_come_in_carbon_order_whatever_the_peak_order():
    found = assign_carbons([0, 2, 5], peaks((77.25, "D", [5]), (14.1, "Q", [0]), (205.0, "S", [2])))
    assert found == ([14_100, 205_000, 77_250], [3, 0, 1])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(1.0, "S", [0])], "carbon_without_shift"),
        ([(1.0, "S", [0]), (2.0, "S", [0]), (3.0, "S", [2])], "carbon_with_several_shifts"),
        ([(1.0, "S", [0]), (2.0, "X", [2])], "multiplicity_unknown"),
        ([(1.0, "S", [0]), (2.0, None, [2])], "multiplicity_unknown"),
        ([(1.0, "S", [0]), (2.0, "S", [])], "peak_without_carbon"),
        ([(1.0, "S", [0]), (2.0, "S", [1])], "peak_without_carbon"),
        ([(1.0, "S", [0]), (300.0, "S", [2])], "shift_out_of_range"),
    ],
)
def test_unusable_molecules_name_their_reason(rows, reason):
    with pytest.raises(Unusable) as caught:
        assign_carbons([0, 2], peaks(*rows))
    assert caught.value.reason == reason


def write_peaks(path, spectra):
    with TableWriter(path, PEAKS) as writer:
        writer.write_rows(
            [
                {"molecule_id": m, "spectrum_id": f"{m}/13C/{k}", "technique": "13C", "origin": origin, **peaks(*rows)}
                for m, k, origin, rows in spectra
            ]
        )
    return path


def test_selection_accounts_for_every_listed_molecule(tmp_path, graphs_table):
    names = [f"nmrshiftdb2:{n}" for n in (1, 2, 3, 4)]
    graphs = graphs_table(dict(zip(names, ["CO", "CN", "CF", "O"], strict=True)))
    good = [(50.0, "Q", [0])]
    table = write_peaks(
        tmp_path / "peaks.parquet",
        [
            (names[0], 0, "measured", good),
            (names[1], 0, "predicted", good),
            (names[2], 1, "measured", good),
            (names[3], 0, "measured", []),
        ],
    )
    ids = tmp_path / "ids.txt"
    ids.write_text("1\n2\n3\n4\n77\n")
    out = tmp_path / "alignment.parquet"
    counts = select(tmp_path / "molecules.parquet", table, graphs, out, tmp_path / "counts.json", ids=ids)
    assert counts == read_json(tmp_path / "counts.json")
    assert (counts["listed"], counts["usable"]) == (5, 1)
    assert counts["unusable"] == {
        "absent_from_source": 1,
        "no_carbon": 1,
        "no_spectrum_13C_0": 1,
        "predicted_spectrum": 1,
    }
    assert read_table(out, ALIGNMENT).to_pylist()[0]["shift_mppm"] == [50_000]
    kept = select(tmp_path / "molecules.parquet", table, graphs, out, tmp_path / "c.json", computed_spectra=True)
    assert (kept["listed"], kept["usable"]) == (4, 2)


def test_an_empty_id_list_is_an_error_and_leaves_nothing(tmp_path, graphs_table):
    graphs = graphs_table({"nmrshiftdb2:1": "CO"})
    table = write_peaks(tmp_path / "peaks.parquet", [("nmrshiftdb2:1", 0, "measured", [(50.0, "Q", [0])])])
    (tmp_path / "ids.txt").write_text("\n")
    with pytest.raises(InputError, match="the id list is empty"):
        select(tmp_path / "molecules.parquet", table, graphs, tmp_path / "a", tmp_path / "c", ids=tmp_path / "ids.txt")
    assert not (tmp_path / "a").exists()
