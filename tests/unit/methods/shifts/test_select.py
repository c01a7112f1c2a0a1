import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.shifts.select import select
from spectraflow.methods.shifts.solvents import SOLVENTS
from spectraflow.tables import MOLECULES, PEAKS, SHIFT_LABELS, TableWriter, read_table, write_table


@pytest.fixture
def selected(tmp_path, graphs_table):
    """Select from `id -> SMILES` and spectra (molecule, technique, [(ppm, atoms)], more columns)."""

    def run(smiles, *spectra):
        graphs = graphs_table(smiles)
        with TableWriter(tmp_path / "peaks.parquet", PEAKS) as writer:
            writer.write_rows(
                [
                    {
                        "molecule_id": molecule,
                        "spectrum_id": f"{molecule}/{technique}/{number}",
                        "technique": technique,
                        "position": [ppm for ppm, _ in peaks],
                        "atoms": [atoms for _, atoms in peaks],
                        "origin": "measured",
                        **(more[0] if more else {}),
                    }
                    for number, (molecule, technique, peaks, *more) in enumerate(spectra)
                ]
            )
        paths = [tmp_path / f"{name}.parquet" for name in ("molecules", "peaks")]
        summary = select(*paths, graphs, tmp_path / "labels.parquet", tmp_path / "counts.json")
        return read_table(tmp_path / "labels.parquet", SHIFT_LABELS).to_pylist(), summary

    return run


def labels_of(row):
    return list(zip(row["atom"], row["nucleus"], row["shift_mppm"], strict=True))


def test_every_atom_of_a_merged_peak_gets_the_shift(selected):
    (row,), summary = selected({"a": "CC(C)O"}, ("a", "13C", [(25.3, [0, 2]), (64.21, [1])]))
    assert labels_of(row) == [(0, 0, 25_300), (1, 0, 64_210), (2, 0, 25_300)]
    assert summary["labels"] == {"used": 3}


def test_all_spectra_of_a_molecule_count_with_their_own_solvent(selected):
    (row,), summary = selected(
        {"a": "CO"},
        ("a", "13C", [(50.0, [0])], {"solvent": "CDCl3"}),
        ("a", "13C", [(49.0, [0])]),
        ("a", "1H", [(3.4, [0])], {"solvent": "DMSO-d6"}),
    )
    assert labels_of(row) == [(0, 0, 49_000), (0, 0, 50_000), (0, 1, 3_400)]
    assert [SOLVENTS[code] for code in row["solvent"]] == ["unreported", "chloroform", "dmso"]
    assert summary["spectra"] == {"13C": 2, "1H": 1}


def test_protons_belong_to_any_atom_that_bears_one_and_carbon_shifts_to_carbons(selected):
    (row,), summary = selected(
        {"a": "CC(=O)O"},
        ("a", "1H", [(2.1, [0]), (11.0, [3]), (5.0, [1]), (5.0, [2])]),
        ("a", "13C", [(20.0, [0]), (178.0, [1]), (60.0, [2])]),
    )
    assert labels_of(row) == [(0, 0, 20_000), (0, 1, 2_100), (1, 0, 178_000), (3, 1, 11_000)]
    assert summary["labels"] == {"atom_without_nucleus": 3, "used": 4}


@pytest.mark.parametrize(
    ("technique", "inside", "outside"),
    [("13C", (-50.0, 250.0), (-50.001, 250.001)), ("1H", (-5.0, 20.0), (-5.001, 20.001))],
)
def test_shifts_beyond_the_range_of_their_nucleus_are_left_out_and_counted(selected, technique, inside, outside):
    peaks = [(ppm, [0]) for ppm in (*inside, *outside)]
    (row,), summary = selected({"a": "C"}, ("a", technique, peaks))
    assert row["shift_mppm"] == [round(ppm * 1000) for ppm in inside]
    assert summary["labels"] == {"shift_out_of_range": 2, "used": 2}


def test_predicted_spectra_other_techniques_and_molecules_without_graph_give_no_label(selected):
    rows, summary = selected(
        {"a": "CO", "b": "CN"},
        ("a", "13C", [(50.0, [0])]),
        ("a", "13C", [(51.0, [0])], {"origin": "predicted"}),
        ("b", "1H", [(2.0, [0])], {"origin": "predicted"}),
        ("b", "MS", [(31.0, [0])]),
        ("nowhere", "13C", [(50.0, [0])]),
    )
    assert [row["molecule_id"] for row in rows] == ["a"]
    assert labels_of(rows[0]) == [(0, 0, 50_000)]
    assert summary["spectra"] == {"13C": 1, "MS": 1, "predicted": 2, "without_graph": 1}
    assert (summary["molecules"], summary["with_labels"]) == (2, 1)


def test_peaks_without_an_atom_are_counted(selected):
    (row,), summary = selected({"a": "CO"}, ("a", "13C", [(50.0, [0]), (60.0, []), (70.0, None)]))
    assert labels_of(row) == [(0, 0, 50_000)]
    assert summary["labels"] == {"peak_without_atom": 2, "used": 1}


def test_a_table_with_nothing_usable_is_refused_and_leaves_no_file(selected, tmp_path):
    with pytest.raises(InputError, match=r"no measured.*predicted.*shift_out_of_range"):
        selected(
            {"a": "CO"},
            ("a", "13C", [(50.0, [0])], {"origin": "predicted"}),
            ("a", "13C", [(400.0, [0])]),
        )
    assert not (tmp_path / "labels.parquet").exists()
    assert not (tmp_path / "counts.json").exists()


@pytest.mark.parametrize("seed", [0, 1])
def test_counts_add_up(selected, tmp_path, seed):
    draw = np.random.default_rng(seed)
    smiles = {f"m{n}": text for n, text in enumerate(["CCO", "CC(=O)C", "c1ccccc1", "CN(C)C"])}

    def peaks():
        return [
            (float(draw.uniform(-10, 300)), draw.choice(3, size=draw.integers(0, 4)).tolist())
            for _ in range(draw.integers(1, 6))
        ]

    spectra = [
        (str(draw.choice([*smiles, "gone"])), str(draw.choice(["13C", "1H"])), peaks(), {"origin": origin})
        for origin in draw.choice(["measured", "measured", "predicted"], size=30).tolist()
    ]
    rows, summary = selected(smiles, *spectra)
    asked = [
        p
        for molecule, _, listed, more in spectra
        if molecule in smiles and more["origin"] == "measured"
        for p in listed
    ]
    assert sum(summary["spectra"].values()) == len(spectra)
    assert sum(summary["labels"].values()) == sum(max(1, len(atoms)) for _, atoms in asked)
    assert summary["labels"]["used"] == sum(len(row["atom"]) for row in rows)
    assert summary["with_labels"] == len(rows)
    assert read_json(tmp_path / "counts.json") == summary


def test_first_blocks_come_from_the_inchikey_or_the_name(selected, tmp_path, graphs_table):
    smiles = {"a": "CO", "b": "CN"}
    spectra = [(name, "13C", [(50.0, [0])]) for name in smiles]
    rows, _ = selected(smiles, *spectra)
    assert [len(row["first_block"]) for row in rows] == [14, 14]
    path = tmp_path / "molecules.parquet"
    table = read_table(path, MOLECULES).to_pydict()
    table["inchikey"][1] = None
    write_table(path, MOLECULES, table)
    select(path, tmp_path / "peaks.parquet", tmp_path / "graphs.parquet", tmp_path / "l.parquet", tmp_path / "c.json")
    again = read_table(tmp_path / "l.parquet", SHIFT_LABELS).column("first_block").to_pylist()
    assert again == [rows[0]["first_block"], "b"]
