import numpy as np
import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.shifts import retrieve as module
from spectraflow.methods.shifts.prediction import PredictedShifts
from spectraflow.methods.shifts.retrieve import Chunk, library_chunks, proton_shifts, retrieve, scorings
from spectraflow.molecules.standardise import molecule_row
from spectraflow.retrieval.settings import RetrievalSettings
from spectraflow.tables import ALIGNMENT, MOLECULES, RANKS, SPLITS, TableWriter, read_table

SMILES = {"q:ethanol": "CCO", "q:acetone": "CC(C)=O", "q:nitrile": "CC#N", "t:amine": "CCN", "x:ether": "COC"}
SHIFTS = {
    "q:ethanol": [18.2, 57.9],
    "q:acetone": [30.6, 206.3, 30.6],
    "q:nitrile": [1.9, 116.4],
    "t:amine": [19.0, 36.9],
    "x:ether": [59.4, 59.4],
}
PARTS = {"q:ethanol": "test", "q:acetone": "test", "q:nitrile": "test", "t:amine": "train"}
LIBRARY = {
    "l:ethanol": ("OCC", [18.2, 57.9]),
    "l:nitrile": ("N#CC", [1.9, 116.4]),
    "l:acetone": ("O=C(C)C", [30.6, 30.6, 206.3]),
    "l:amine": ("NCC", [18.2, 57.9]),
    "l:again": ("C(C)O", [18.2, 57.9]),
    "l:chloride": ("CCCl", [18.7, 39.9]),
    "l:propanol": ("CCCO", [10.0, 25.9, 64.3]),
    "l:aldehyde": ("CCC=O", [6.0, 37.3, 202.7]),
    "l:ether": ("COC", [59.4, 59.4]),
}
SETTINGS = RetrievalSettings(library_sizes=[3], k=[1], queries=10)
SETS, COUNTED = {"set_likelihood", "set"}, {"sorted_likelihood", "sorted"}


def carbons_of(smiles):
    return [atom.GetIdx() for atom in Chem.MolFromSmiles(smiles).GetAtoms() if atom.GetAtomicNum() == 6]


def predicted(shifts):
    return {name: [(atom, ppm, 1.0) for atom, ppm in zip(*one, strict=True)] for name, one in shifts.items()}


def protons_of(ppm):
    return {name: [(0, one, 0.1)] for name, one in ppm.items()}


def write_alignment(path, spectra):
    with TableWriter(path, ALIGNMENT) as writer:
        writer.write_rows(
            [
                {
                    "molecule_id": name,
                    "spectrum_id": f"{name}/13C/0",
                    "first_block": Chem.MolToInchiKey(Chem.MolFromSmiles(SMILES[name])).split("-")[0],
                    "carbon_atom": carbons_of(SMILES[name]),
                    "shift_mppm": [round(1000 * ppm) for ppm in shifts],
                    "multiplicity": [0] * len(shifts),
                }
                for name, shifts in spectra.items()
            ]
        )
    return path


@pytest.fixture
def ranked(tmp_path, graphs_table, predictions_table):
    """Retrieve with `spectra` in place of the measured ones; returns ranks by scoring and query, and the JSON."""

    def run(spectra=None, parts=PARTS, own_protons=None, library_protons=None, **options):
        graphs = graphs_table(SMILES)
        measured = {name: (spectra or {}).get(name, SHIFTS[name]) for name in parts}
        with TableWriter(tmp_path / "library.parquet", MOLECULES) as writer:
            writer.write_rows([molecule_row(Chem.MolFromSmiles(s), name) for name, (s, _) in LIBRARY.items()])
        with TableWriter(tmp_path / "split.parquet", SPLITS) as writer:
            writer.write_rows([{"molecule_id": name, "part": part} for name, part in parts.items()])
        own = predictions_table(
            "own.parquet",
            predicted({name: (carbons_of(SMILES[name]), SHIFTS[name]) for name in SMILES}),
            protons_of(own_protons or {}),
        )
        library = predictions_table(
            "library_shifts.parquet",
            predicted({name: (carbons_of(smiles), shifts) for name, (smiles, shifts) in LIBRARY.items()}),
            protons_of(library_protons or {}),
        )
        retrieve(
            SETTINGS, own, library, write_alignment(tmp_path / "alignment.parquet", measured), graphs,
            tmp_path / "molecules.parquet", tmp_path / "split.parquet", tmp_path / "library.parquet",
            tmp_path / "ranks.parquet", tmp_path / "retrieval.json", **options,
        )  # fmt: skip
        rows = read_table(tmp_path / "ranks.parquet", RANKS).to_pylist()
        ranks = {}
        for row in rows:
            ranks.setdefault(row["scoring"], {})[row["query_id"]] = row
        return ranks, read_json(tmp_path / "retrieval.json")

    return run


def above(rows):
    return {name: row["at_or_above"] for name, row in rows.items()}


def test_the_truth_is_first_by_every_scoring(ranked):
    ranks, found = ranked()
    assert set(ranks) == SETS | COUNTED
    for scoring, rows in ranks.items():
        assert above(rows) == {"q:ethanol": 0, "q:acetone": 0, "q:nitrile": 0}, scoring
        assert found["scorings"][scoring]["sizes"]["3"]["1"]["value"] == 1
    assert found["main_scoring"] == "set_likelihood"
    assert found["checks"]["shuffled_candidates_changed"] == 0
    assert found["scorings"]["set"]["permuted_spectra"]["3"]["1"]["value"] < 0.5


def test_with_anothers_spectrum_the_truth_is_not_first(ranked):
    swapped = {"q:ethanol": SHIFTS["q:nitrile"], "q:nitrile": SHIFTS["q:ethanol"]}
    ranks, _ = ranked(swapped)
    for scoring, rows in ranks.items():
        assert rows["q:acetone"]["at_or_above"] == 0
        for name in swapped:
            assert rows[name]["at_or_above"] >= 1, (scoring, name)


def test_neither_doubles_nor_trained_nor_the_querys_own_molecules_are_candidates(ranked):
    ranks, found = ranked()
    # of nine molecules one is a double and one was trained on; every query finds itself once more
    assert found["removed"] == {"duplicates": 1, "training_molecules": 1, "same_first_block": 3}
    assert found["library"] == 7
    for rows in ranks.values():
        assert {row["eligible"] for row in rows.values()} == {6}


def test_a_molecule_of_the_library_with_the_same_shifts_counts_against_the_truth(ranked):
    ranks, _ = ranked(parts={**PARTS, "t:amine": "val"})
    for scoring in ranks:
        assert above(ranks[scoring])["q:ethanol"] == 1, "the amine is predicted to look like ethanol"


def test_external_queries_take_the_place_of_the_test_part_and_not_of_the_training_part(ranked, tmp_path):
    external = write_alignment(tmp_path / "external.parquet", {"x:ether": SHIFTS["x:ether"]})
    ranks, found = ranked(external=external)
    for rows in ranks.values():
        assert above(rows) == {"x:ether": 0}
    assert found["queries"] == 1
    assert found["removed"]["training_molecules"] == 1
    assert found["removed"]["same_first_block"] == 1


OWN_PROTONS = {"q:ethanol": 1.2, "q:nitrile": 2.0}
LIBRARY_PROTONS = {"l:amine": 9.0, "l:chloride": 1.2}


def test_protons_keep_the_queries_that_have_any_and_add_two_scorings(ranked, labels_table):
    labels = labels_table(
        {
            "q:ethanol": [(0, 1, 0, 1_200), (0, 0, 0, 18_200)],
            "q:acetone": [(0, 0, 0, 30_600)],
            "q:nitrile": [(0, 1, 0, 2_000)],
        }
    )
    parts = {**PARTS, "t:amine": "val"}
    ranks, found = ranked(parts=parts, own_protons=OWN_PROTONS, library_protons=LIBRARY_PROTONS, protons=labels)
    assert set(ranks) == SETS | COUNTED | {"set_likelihood_1H", "sorted_likelihood_1H"}
    assert found["queries"] == 2
    assert above(ranks["set_likelihood"]) == {"q:ethanol": 1, "q:nitrile": 0}
    for scoring in ("set_likelihood_1H", "sorted_likelihood_1H"):
        assert above(ranks[scoring]) == {"q:ethanol": 0, "q:nitrile": 0}, "the amine's protons lie elsewhere"


def test_no_query_with_protons_leaves_no_scoring(ranked, labels_table):
    ranks, found = ranked(protons=labels_table({"t:amine": [(0, 1, 0, 1_000)]}))
    assert ranks == {}
    assert (found["queries"], found["scorings"]) == (0, {})
    assert "no query has a measured 1H shift" in found["reason"]


def test_no_query_is_an_error(ranked):
    with pytest.raises(InputError, match=r"split\.parquet: no query$"):
        ranked(parts=dict.fromkeys(PARTS, "train"))


def test_proton_shifts_are_the_distinct_ones_of_all_spectra(labels_table):
    found = proton_shifts(
        labels_table(
            {"a": [(0, 1, 0, 1_250), (0, 0, 0, 9_000), (1, 1, 2, 1_250), (2, 1, 0, -500)], "b": [(0, 0, 0, 1)]}
        )
    )
    assert list(found) == ["a"]
    np.testing.assert_allclose(found["a"], [-0.5, 1.25])


def test_chunks_cover_the_library_once_in_order(predictions_table, monkeypatch):
    path = predictions_table("p.parquet", {f"m{n}": [(0, float(n), 1.0)] for n in range(5)})
    scan = PredictedShifts.scan
    monkeypatch.setattr(PredictedShifts, "scan", lambda path: scan(path, 2))
    chunks = list(library_chunks(path))
    assert [(rows.start, rows.stop) for rows, _ in chunks] == [(0, 2), (2, 4), (4, 5)]
    assert [ppm for _, chunk in chunks for ppm in chunk.predicted.carbons.values[:, 1].tolist()] == [0, 1, 2, 3, 4]


def test_own_library_and_mutual_scores_agree_for_spectra_in_any_order(predicted_shifts, monkeypatch):
    generator = np.random.default_rng(0)
    counts = generator.integers(1, 4, 7)
    carbons = {f"m{n}": [(i, generator.uniform(0, 200), 2.0) for i in range(k)] for n, k in enumerate(counts)}
    protons = {name: [(0, generator.uniform(0, 10), 0.2)] for name in list(carbons)[:5]}
    molecules = Chunk(predicted_shifts(carbons, protons))
    spectra = [np.sort([ppm + 1 for _, ppm, _ in one]) for one in carbons.values()]
    found = scorings(spectra, molecules, [np.array([5.0])] * 4 + [np.array([1.0, 2.0])] * 3)
    monkeypatch.setattr(module, "COMPARED_AT_ONCE", 2)
    order = generator.permutation(7)
    for name, scoring in found.items():
        among = scoring.among(order)
        np.testing.assert_allclose(scoring.own(order), np.diagonal(among), rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(scoring.among(np.arange(7))[order], among, rtol=1e-5, err_msg=name)
        picked = np.array([4, 1])
        np.testing.assert_allclose(scoring.library(order, molecules[picked]), among[:, picked], rtol=1e-5, err_msg=name)
