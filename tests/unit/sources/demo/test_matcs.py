import gzip

import numpy as np
import pytest
from rdkit import Chem, DataStructs

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.matcs import LARGEST, UNPARSABLE, assign, nearest, write_matcs
from spectraflow.sources.matcs import ingest
from spectraflow.sources.matcs_lists import LISTS, ORDERED, read_lists, recover_owners
from spectraflow.splits.similarity import morgan_fingerprints
from spectraflow.tables import LISTED_PAIRS, MOLECULES, SPLITS, read_table

SETTINGS = DemoSettings(listed_molecules=120, seed=5)
ALKANES = ["CCCC", "CCCCC", "CCO", "CCCO", "c1ccccc1", "Cc1ccccc1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    write_matcs(SETTINGS, out)
    return out / "matcs"


@pytest.fixture(scope="module")
def tables(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("tables")
    paths = {name: out / f"{name}.parquet" for name in ("molecules", "listed", "split", "rejects")}
    counts = ingest(folder, **paths, counts=out / "counts.json")
    schemas = {"molecules": MOLECULES, "listed": LISTED_PAIRS, "split": SPLITS}
    return counts, {name: read_table(paths[name], schema).to_pylist() for name, schema in schemas.items()}


def test_the_same_settings_give_the_same_bytes_and_another_seed_others(folder, tmp_path):
    write_matcs(SETTINGS, tmp_path)
    assert all((tmp_path / "matcs" / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())
    write_matcs(SETTINGS.model_copy(update={"seed": 6}), tmp_path)
    assert (tmp_path / "matcs" / "train.csv.gz").read_bytes() != (folder / "train.csv.gz").read_bytes()


def test_files_have_the_columns_and_line_ends_of_the_published_ones(folder):
    assert {path.name for path in folder.iterdir()} == {f"{name}.csv.gz" for name in LISTS}
    for name in LISTS:
        lines = gzip.decompress((folder / f"{name}.csv.gz").read_bytes()).split(b"\r\n")
        assert lines[0] == b"smiles,NMR,label" + (b",,,,," if name == ORDERED else b"")
        assert lines[-1] == b""
        assert len({line.count(b",") for line in lines[:-1]}) == 1


def test_every_row_is_accounted_for_and_the_dirt_is_found(tables):
    counts, found = tables
    assert counts["rejects"] == {"record/missing_id": 2, "record/unreadable_molecule": 1}
    assert counts["molecules"] == counts["smiles_of_positives"] == len(found["molecules"]) == SETTINGS.listed_molecules
    assert counts["parts"] == {"train": 96, "val": 14, "test": 10}
    assert counts["shared"] == {"train/val": 1, "train/test": 1, "val/test": 0}
    assert counts["positives_common_to_test_lists"] == 10


def test_molecules_are_small_and_of_four_elements(tables):
    for row in tables[1]["molecules"]:
        mol = Chem.MolFromSmiles(row["smiles"])
        assert row["heavy_atoms"] <= LARGEST
        assert {atom.GetSymbol() for atom in mol.GetAtoms()} <= {"C", "N", "O"}
        assert "." not in row["smiles"]


def test_negatives_of_the_training_list_are_its_own_molecules_once_each(folder):
    rows = [row for row in read_lists(folder)["train"].rows if row.smiles != UNPARSABLE]
    negatives = [row.smiles for row in rows if not row.label]
    assert len(negatives) == len(set(negatives)) == 96
    assert set(negatives) <= {row.smiles for row in rows if row.label}
    assert [row.image for row in rows[:3]] == ["0.png", "1.png", "2.png"]


def test_recovered_owners_are_the_nearest_most_alike_and_least_alike(folder, tables):
    counts, found = tables
    smiles = [row["smiles"] for row in found["molecules"]]
    marks, place = morgan_fingerprints(smiles), {row["molecule_id"]: at for at, row in enumerate(found["molecules"])}
    pairs = [pair for pair in found["listed"] if not pair["label"] and pair["test_set"] == "listed_sim"]
    for pair in pairs:
        owner, candidate = place[pair["owner_id"]], place[pair["candidate_id"]]
        best = DataStructs.TanimotoSimilarity(marks[owner], marks[nearest(marks, owner)])
        assert DataStructs.TanimotoSimilarity(marks[owner], marks[candidate]) == best
    assert len(pairs) == 9
    assert len(recover_owners(read_lists(folder)[ORDERED])) == 9
    means = counts["mean_tanimoto"]
    assert means["listed_diff"] < means["listed_rand"] < means["listed_sim"]


@pytest.mark.parametrize(("alike", "better"), [(True, np.greater_equal), (False, np.less_equal)])
def test_an_assignment_is_a_derangement_that_no_rotation_betters(alike, better):
    marks = morgan_fingerprints(ALKANES)
    chosen = assign(marks, alike=alike)
    assert sorted(chosen) == list(range(len(marks)))
    assert all(at != other for at, other in enumerate(chosen))
    total = sum(DataStructs.TanimotoSimilarity(marks[at], marks[other]) for at, other in enumerate(chosen))
    for step in range(1, len(marks)):
        turned = [DataStructs.TanimotoSimilarity(one, marks[(at + step) % len(marks)]) for at, one in enumerate(marks)]
        assert better(total + 1e-12 if alike else total - 1e-12, sum(turned))


def test_blocks_of_an_assignment_cover_every_molecule(monkeypatch):
    monkeypatch.setattr("spectraflow.sources.demo.matcs._BLOCK", 3)
    chosen = assign(morgan_fingerprints(ALKANES[:5]), alike=True)
    assert sorted(chosen) == list(range(5))
    assert all(at != other for at, other in enumerate(chosen))
