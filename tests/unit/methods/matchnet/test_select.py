import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.matchnet import select as module
from spectraflow.methods.matchnet.line_lists import merged_lines
from spectraflow.methods.matchnet.select import select
from spectraflow.methods.matchnet.settings import MoleculeSettings
from spectraflow.molecules.standardise import molecule_row
from spectraflow.tables import MATCHING_SPECTRA, MOLECULES, REJECTS, read_table
from tests.unit.conftest import write_rows

GOOD = {"1H": [1.2, 3.7], "13C": [18.1, 57.9]}
LARGE = "C" * 17
SMILES = {
    "x:1": "CCO",
    "x:2": "CC.CO",
    "x:3": "C[NH3+]",
    "x:4": "FCCCl",
    "x:5": LARGE,
    "x:6": "C",
    "x:7": "CCN",
    "x:8": "CCCN",
    "x:9": "CCCO",
    "x:10": "OCC",
    "x:11": "C1CC",
    "x:12": "CCCCN",
}
REASONS = {
    "2": "several_fragments",
    "3": "charged_molecule",
    "4": "wrong_element",
    "5": "molecule_too_large",
    "6": "no_bond",
    "7": "missing_spectrum",
    "8": "missing_spectrum",
    "9": "shift_out_of_range",
    "10": "duplicate_molecule",
    "11": "unreadable_molecule",
    "12": "shift_out_of_range",
}


@dataclass
class GivenLines:
    """Lines by molecule, GOOD where nothing else is said."""

    other: dict = field(default_factory=dict)
    origin: str = "measured"
    figures: dict = field(default_factory=lambda: {"peak_lists": {"1H": 7}})

    def of(self, molecule_id):
        return {nucleus: merged_lines(ppm) for nucleus, ppm in self.other.get(molecule_id, GOOD).items()}


LINES = GivenLines(
    {
        "x:7": {"13C": [20.0]},
        "x:8": {"1H": [1.0]},
        "x:9": {"1H": [1.0], "13C": [-40.0, 260.0]},
        "x:12": {"1H": [12.06, -2.01], "13C": [20.0]},
    }
)


def molecule(molecule_id, smiles):
    mol = Chem.MolFromSmiles(smiles)
    row = molecule_row(Chem.MolFromSmiles("CCBr") if mol is None else mol, molecule_id)
    return {**row, "smiles": smiles}


@pytest.fixture
def run(tmp_path):
    """Select from molecules, `id -> SMILES`; return the accounting, the kept rows and the rejects."""

    def run(smiles, lines=LINES, settings=MoleculeSettings(), **options):
        table = write_rows(tmp_path / "molecules.parquet", MOLECULES, [molecule(*one) for one in smiles.items()])
        out, rejects, counts = (tmp_path / name for name in ("spectra.parquet", "rejects.parquet", "counts.json"))
        found = select(settings, table, lines, out, rejects, counts, **options)
        assert read_json(counts) == found
        return found, read_table(out, MATCHING_SPECTRA).to_pylist(), read_table(rejects, REJECTS).to_pylist()

    return run


def ids_of(rows):
    return [row["molecule_id"] for row in rows]


@pytest.mark.parametrize("at_once", [2, 4096])
def test_every_molecule_is_kept_or_rejected_with_its_reason(run, monkeypatch, at_once):
    monkeypatch.setattr(module, "WRITTEN_AT_ONCE", at_once)
    counts, kept, rejects = run(SMILES)
    assert ids_of(kept) == ["x:1"]
    assert {row["native_id"]: row["reason"] for row in rejects} == REASONS
    assert {row["stage"] for row in rejects} == {"record"}
    assert (counts["molecules"], counts["kept"], counts["rejected"], counts["beyond_limit"]) == (12, 1, 11, 0)
    assert counts["rejects"] == dict(Counter(REASONS.values()))
    assert counts["peak_lists"] == {"1H": 7}


def test_messages_say_what_was_found(run):
    messages = {row["native_id"]: row["message"] for row in run(SMILES)[2]}
    assert "Cl, F" in messages["4"]
    assert "17 heavy atoms" in messages["5"]
    assert (messages["7"], messages["8"]) == ("no 1H lines", "no 13C lines")
    assert "no 13C line" in messages["9"]
    assert "no 1H line" in messages["12"]
    assert "LFQSCWFLJHTTHZ" in messages["10"]  # ethanol


def test_without_settings_any_element_size_and_charge_will_do(run):
    counts, kept, _ = run(SMILES, settings=None)
    assert ids_of(kept) == ["x:1", "x:3", "x:4", "x:5"]
    assert counts["rejects"] == dict(Counter(REASONS[name] for name in REASONS if name not in ("3", "4", "5")))


def test_of_equal_first_blocks_the_smallest_number_is_kept(run):
    smiles = {"x:100": "C[C@H](O)F", "x:20": "C[C@@H](O)F", "x:3": "CC(O)F"}
    settings = MoleculeSettings(elements=["C", "H", "O", "F"])
    counts, kept, rejects = run(smiles, GivenLines(), settings)
    assert (ids_of(kept), counts["rejects"]) == (["x:3"], {"duplicate_molecule": 2})
    _, kept, rejects = run(smiles, GivenLines({"x:3": {}}), settings)
    assert ids_of(kept) == ["x:20"]
    assert {row["native_id"]: row["reason"] for row in rejects} == {
        "3": "missing_spectrum",
        "100": "duplicate_molecule",
    }


def test_a_rejected_molecule_keeps_none_of_its_first_block_out(run):
    _, kept, rejects = run({"x:1": "CC[NH3+]", "x:2": "CCN"}, GivenLines())
    assert ids_of(kept) == ["x:2"]
    assert [row["reason"] for row in rejects] == ["charged_molecule"]


def test_a_row_holds_the_graph_and_both_line_lists(run):
    lines = GivenLines({"x:1": {"1H": [3.7, 1.2, 1.2], "13C": [57.9, 18.1]}}, origin="simulated")
    _, (row,), _ = run({"x:1": "CCO"}, lines)
    assert (row["first_block"], row["formula"], row["heavy_atoms"]) == ("LFQSCWFLJHTTHZ", "C2H6O", 3)
    assert (row["element"], row["hydrogens"]) == ([0, 0, 2], [3, 2, 1])
    assert (row["proton_ppm"], row["proton_area"]) == ([1.2, 3.7], [2, 1])
    assert (row["carbon_ppm"], row["carbon_area"]) == ([18.1, 57.9], [1, 1])
    assert (row["origin"], len(row["fingerprint"])) == ("simulated", 256)


CHAINS = {f"x:{size}": "C" * size for size in range(2, 17)}


@pytest.mark.parametrize("at_once", [4, 4096])
def test_a_limit_adds_up_and_takes_molecules_drawn_by_the_seed(run, monkeypatch, at_once):
    monkeypatch.setattr(module, "WRITTEN_AT_ONCE", at_once)
    drawn = {}
    for seed in (0, 1):
        counts, kept, rejects = run({**CHAINS, "x:99": "CCF"}, GivenLines(), limit=6, seed=seed)
        assert (counts["molecules"], counts["kept"], len(kept)) == (16, 6, 6)
        assert counts["kept"] + counts["rejected"] + counts["beyond_limit"] == 16
        assert len(rejects) == counts["rejected"]
        drawn[seed] = ids_of(kept)
    assert set(drawn[0]) != set(drawn[1])
    shuffled = list(CHAINS.items())
    random.Random(0).shuffle(shuffled)
    assert drawn[0] == ids_of(run({"x:99": "CCF", **dict(shuffled)}, GivenLines(), limit=6)[1])


def test_a_limit_beyond_all_molecules_changes_none_of_them(run):
    counts, kept, _ = run(CHAINS, GivenLines(), limit=1000)
    assert (counts["kept"], counts["beyond_limit"]) == (15, 0)
    assert sorted(kept, key=lambda row: row["heavy_atoms"]) == run(CHAINS, GivenLines())[1]


def test_nothing_left_is_an_error_and_leaves_no_file(run, tmp_path):
    with pytest.raises(InputError, match=r"molecules\.parquet: none of 2 molecules can be matched"):
        run({"x:1": "CCF", "x:2": "C"})
    assert [path.name for path in tmp_path.iterdir()] == ["molecules.parquet"]
