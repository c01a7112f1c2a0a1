import gzip
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, DataStructs
from typer.testing import CliRunner

from spectraflow.errors import InputError, MissingSourceError
from spectraflow.sources import matcs
from spectraflow.sources.commands import app
from spectraflow.sources.matcs import TEST_SETS, ingest
from spectraflow.sources.matcs_lists import LISTS, PairList, Row, match_in_order, read_list, read_lists, recover_owners
from spectraflow.sources.matcs_pairs import mean_tanimoto
from spectraflow.splits.similarity import morgan_fingerprints
from spectraflow.tables import LISTED_PAIRS, MOLECULES, REJECTS, SPLITS, read_table

MIRROR = Path(__file__).parents[4] / "shared" / "data" / "matcs"
SCHEMAS = {"molecules": MOLECULES, "listed": LISTED_PAIRS, "split": SPLITS, "rejects": REJECTS}
OWNERS = ["CCCCO", "c1ccccc1C", "CC(=O)OCC", "C1CCCCC1N", "CC#CCC=O"]
NEAR = ["CCCCCO", "c1ccccc1CC", "CC(=O)OCCC", "C1CCCCC1NC", "CC#CCCC=O"]
TRAIN, VALIDATION = ["CCCC", "CCOC"], ["OCCCO", "NCCN"]


def csv_text(rows, header="smiles,NMR,label"):
    return "\r\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\r\n"


def numbered(positives, negatives):
    labelled = [*((smiles, 1) for smiles in positives), *((smiles, 0) for smiles in negatives)]
    return [(smiles, f"{at}.png", label) for at, (smiles, label) in enumerate(labelled)]


def lists(**changed):
    """Rows of the five lists: image k shows the k-th owner, image 10 + k its spectrum in a negative."""
    positives = [(smiles, f"{at}.png", 1) for at, smiles in enumerate(OWNERS)]
    shown = [f"{10 + at}.png" for at in range(len(OWNERS))]
    near = [(smiles, image, 0) for smiles, image in zip(NEAR, shown, strict=True)]
    shifted = [(OWNERS[(at + 1) % 5], image, 0) for at, image in enumerate(shown)]
    rows = {
        "train": numbered(TRAIN, TRAIN[::-1]),
        "validation": numbered(VALIDATION, VALIDATION[::-1]),
        "test_rand": shifted[::-1] + positives,
        "test_diff": positives + shifted,
        "test_sim": positives + near,
    }
    return {**rows, **changed}


def write_lists(folder, rows):
    folder.mkdir(exist_ok=True)
    for name, content in rows.items():
        text = content if isinstance(content, str) else csv_text(content)
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def run(folder, out, **options):
    paths = {name: out / f"{name}.parquet" for name in SCHEMAS}
    counts = ingest(folder, **paths, counts=out / "counts.json", **options)
    assert json.loads((out / "counts.json").read_text()) == counts
    return counts, {name: read_table(paths[name], schema).to_pylist() for name, schema in SCHEMAS.items()}


def ingest_rows(tmp_path, rows, **options):
    return run(write_lists(tmp_path / "raw", rows), tmp_path / "out", **options)


def by_smiles(tables):
    return {row["molecule_id"]: row["smiles"] for row in tables["molecules"]}


def reasons(tables):
    return [(row["native_id"], row["reason"]) for row in tables["rejects"]]


def test_clean_lists_become_molecules_parts_and_pairs(tmp_path):
    counts, tables = ingest_rows(tmp_path, lists())
    smiles, parts = by_smiles(tables), {row["molecule_id"]: row["part"] for row in tables["split"]}
    assert list(smiles) == [f"matcs:{number}" for number in range(1, 15)]
    assert list(smiles.values())[:4] == ["CCCC", "CCOC", "OCCCO", "NCCN"]
    assert counts["parts"] == {"train": 2, "val": 2, "test": 5}
    assert {smiles[name] for name, part in parts.items() if part == "val"} == {"OCCCO", "NCCN"}
    assert counts["without_part"] == 5, "the negatives of test_sim are no positives"
    assert (counts["records"], counts["record_rejects"], tables["rejects"]) == (38, 0, [])
    assert counts["listed_positives"] == counts["listed_negatives"] == dict.fromkeys(TEST_SETS.values(), 5)


def negatives(tables):
    """Return the candidate of every negative by test set and owner, all as SMILES."""
    smiles = by_smiles(tables)
    return {
        (pair["test_set"], smiles[pair["owner_id"]]): smiles[pair["candidate_id"]]
        for pair in tables["listed"]
        if not pair["label"]
    }


def expected_negatives(places):
    owners, near = ([Chem.CanonSmiles(smiles) for smiles in listed] for listed in (OWNERS, NEAR))
    following = [*owners[1:], owners[0]]
    candidates = {"listed_rand": following, "listed_diff": following, "listed_sim": near}
    return {(name, owners[at]): chosen[at] for name, chosen in candidates.items() for at in places}


def test_owners_of_negatives_follow_from_image_names(tmp_path):
    assert negatives(ingest_rows(tmp_path, lists())[1]) == expected_negatives(range(5))


@pytest.mark.parametrize("absent", [(0,), (2,), (4,), (1, 3)])
def test_a_missing_negative_moves_no_other_owner(tmp_path, absent):
    sim = [row for at, row in enumerate(lists()["test_sim"]) if at - 5 not in absent]
    counts, tables = ingest_rows(tmp_path, lists(test_sim=sim))
    assert negatives(tables) == expected_negatives(set(range(5)) - set(absent))
    assert counts["rejects"] == {"record/missing_id": 2 * len(absent)}
    assert "test_sim does not show 1" in tables["rejects"][0]["message"]


def test_a_missing_positive_leaves_its_negative_without_an_owner(tmp_path):
    rows = lists()
    sim = [row for row in rows["test_sim"] if row[1] != "2.png"]
    _, tables = ingest_rows(tmp_path, lists(test_sim=sim))
    assert [native.split(":")[0] for native, reason in reasons(tables) if reason == "missing_id"] == list(TEST_SETS)
    assert negatives(tables) == expected_negatives({0, 1, 3, 4})


def test_shared_constitutions_leave_the_training_part(tmp_path):
    train = numbered(["CCCC", "C(CO)CO", "OCCCC", "C[C@H](O)CC"], ["C[C@@H](O)CC"])
    counts, tables = ingest_rows(tmp_path, lists(train=train))
    smiles = by_smiles(tables)
    assert counts["shared"] == {"train/val": 1, "train/test": 1, "val/test": 0}
    assert counts["removed_from_train"] == 2
    parts = {smiles[row["molecule_id"]]: row["part"] for row in tables["split"]}
    assert [parts["OCCCO"], parts["CCCCO"], parts["CCCC"]] == ["val", "test", "train"]
    assert len(parts) == counts["molecules"] - counts["without_part"]


def test_stereoisomers_are_one_molecule(tmp_path):
    _, tables = ingest_rows(tmp_path, lists(train=numbered(["C[C@H](O)CC", "CC(O)CC"], ["C[C@@H](O)CC"])))
    assert [row["smiles"] for row in tables["molecules"]][:2] == ["CC[C@H](C)O", "OCCCO"]
    assert sum(row["part"] == "train" for row in tables["split"]) == 1
    assert tables["rejects"] == []


def test_rows_that_cannot_be_used_are_rejected_with_file_and_line(tmp_path):
    rows = numbered(["CCCC", "C1CC", "C", "CC"], ["", "CCC"])
    rows[2] = ("C", "2.png", "maybe")
    rows[3] = ("CC", "0.png", 1)
    rows += [("CO", "", 1), ("OC",), ('"C', "8.png", 1)]
    text = csv_text(rows) + "\r\n"
    counts, tables = ingest_rows(tmp_path, lists(train=text))
    assert reasons(tables) == [
        ("train:4", "wrong_value"),
        ("train:5", "duplicate_id"),
        ("train:8", "missing_id"),
        ("train:9", "malformed_line"),
        ("train:10", "malformed_line"),
        ("train:11", "malformed_line"),
        ("train:3", "unreadable_molecule"),
        ("train:6", "empty_molecule"),
    ]
    assert tables["rejects"][0]["message"] == "train.csv.gz, line 4: label 'maybe' is neither 0 nor 1"
    assert counts["lists"]["train"] == {"rows": 10, "positives": 2, "negatives": 2, "used": 2}


def test_a_negative_that_is_its_owner_is_rejected(tmp_path):
    rows = lists()
    rows["test_diff"][5] = ("OCCCC", "10.png", 0)
    _, tables = ingest_rows(tmp_path, rows)
    assert reasons(tables) == [("test_diff:7", "structure_conflict")]


def test_an_owner_is_listed_once_with_each_label(tmp_path):
    owners = [*OWNERS[:4], "C[C@H](O)C(N)C#N", "C[C@@H](O)C(N)C#N"]
    near = [*NEAR[:4], "CC(O)C(NC)C#N", "CC(O)C(N)CC#N"]
    rows = numbered(owners, near)
    counts, tables = ingest_rows(tmp_path, lists(**dict.fromkeys(TEST_SETS, rows)))
    assert counts["listed_positives"] == counts["listed_negatives"] == dict.fromkeys(TEST_SETS.values(), 5)
    assert reasons(tables)[:2] == [("test_rand:7", "duplicate_id"), ("test_rand:13", "duplicate_id")]


def test_an_unreadable_owner_or_neighbour_costs_its_own_pairs_alone(tmp_path):
    rows = lists()
    for name in TEST_SETS:
        rows[name] = [("C1CC", *row[1:]) if row[1] == "1.png" else row for row in rows[name]]
    rows["test_sim"] = [("(", *row[1:]) if row[1] == "13.png" else row for row in rows["test_sim"]]
    counts, _ = ingest_rows(tmp_path, rows)
    assert counts["rejects"] == {"record/unreadable_molecule": 7}
    assert counts["listed_negatives"] == {"listed_rand": 4, "listed_diff": 4, "listed_sim": 3}
    assert counts["listed_positives"] == dict.fromkeys(TEST_SETS.values(), 4)


def test_limit_keeps_positives_and_their_negatives(tmp_path):
    counts, tables = ingest_rows(tmp_path, lists(), limit=2)
    assert counts["parts"] == {"train": 2, "val": 2, "test": 2}
    assert counts["listed_positives"] == counts["listed_negatives"] == dict.fromkeys(TEST_SETS.values(), 2)
    assert counts["beyond_limit"] == 38 - 4 - 3 * 4
    smiles = by_smiles(tables)
    assert {smiles[pair["owner_id"]] for pair in tables["listed"]} == {Chem.CanonSmiles(text) for text in OWNERS[:2]}


def test_the_command_writes_every_table(tmp_path):
    folder, out = write_lists(tmp_path / "raw", lists()), tmp_path / "out"
    files = [option for name in SCHEMAS for option in (f"--{name}", str(out / f"{name}.parquet"))]
    words = ["ingest-matcs", "--folder", str(folder), *files, "--counts", str(out / "counts.json"), "--limit", "3"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["counts.json", *sorted(f"{n}.parquet" for n in SCHEMAS)]
    assert json.loads((out / "counts.json").read_text())["parts"]["test"] == 3


def test_two_processes_give_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(matcs, "CHUNK_SMILES", 3)
    folder = write_lists(tmp_path / "raw", lists(train=numbered(["CCCC", "C1CC"], ["CCOC"])))
    assert run(folder, tmp_path / "one") == run(folder, tmp_path / "two", processes=2)


def test_columns_are_found_by_name_and_others_are_left_alone(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress("\ufefflabel,,smiles,NMR,\n1,a, CCO ,3.png,\n".encode()))
    assert read_list(path) == PairList([Row(2, "CCO", "3.png", True)], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [("smiles,label\nC,1\n", "no column 'NMR'"), ("smiles,NMR,label\n", "no row"), ("\n", "no column 'smiles'")],
)
def test_a_file_that_is_no_list_is_named_and_leaves_nothing(tmp_path, text, message):
    folder = write_lists(tmp_path / "raw", lists(validation=text))
    with pytest.raises(InputError, match=rf"validation\.csv\.gz: .*{message}"):
        run(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_files_are_named(tmp_path):
    folder = write_lists(tmp_path / "raw", lists())
    (folder / "train.csv.gz").unlink()
    (folder / "test_diff.csv.gz").unlink()
    with pytest.raises(MissingSourceError, match=r"train\.csv\.gz, .*test_diff\.csv\.gz"):
        read_lists(folder)


def test_negatives_in_another_order_are_refused(tmp_path):
    positives = [(smiles, f"{at}.png", 1) for at, smiles in enumerate(OWNERS)]
    moved = [(NEAR[(at + 1) % 5], f"{10 + at}.png", 0) for at in range(5)]
    with pytest.raises(InputError, match="do not follow the order"):
        ingest_rows(tmp_path, lists(test_sim=positives + moved))


def test_lists_of_very_different_length_are_refused(monkeypatch):
    monkeypatch.setattr("spectraflow.sources.matcs_lists.MOST_MISSING", 2)
    rows = [Row(at, smiles, f"{at}.png", True) for at, smiles in enumerate(OWNERS)]
    with pytest.raises(InputError, match="5 positives but 2 negatives"):
        recover_owners(PairList([*rows, Row(8, "C", "a", False), Row(9, "C", "b", False)], []))


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 9), max_size=9), st.integers(0, 2**32 - 1))
def test_the_assignment_in_order_finds_every_gap(gaps, seed):
    texts = ["CCO", "c1ccccc1", "CC(=O)N", "C1CC1", "N#CC", "O=CC=O", "FC(F)F", "CSC", "C1COCCN1", "CCCCCl"]
    order = np.random.default_rng(seed).permutation(10).tolist()
    long = morgan_fingerprints([texts[at] for at in order])
    kept = [at for at in range(10) if at not in gaps]
    assert match_in_order([long[at] for at in kept], long) == kept


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.lists(st.integers(0, 9), min_size=4, max_size=7))
def test_no_other_assignment_in_order_has_a_larger_sum(short, long):
    marks = morgan_fingerprints(["C" * (at % 4 + 1) + "OCN"[at % 3] for at in range(10)])
    alike = np.array([[DataStructs.TanimotoSimilarity(marks[one], marks[other]) for other in long] for one in short])
    rows = range(len(short))
    best = max(alike[list(rows), list(places)].sum() for places in combinations(range(len(long)), len(short)))
    places = match_in_order([marks[at] for at in short], [marks[at] for at in long])
    assert places == sorted(set(places))
    assert alike[list(rows), places].sum() == pytest.approx(best)


def test_ties_go_to_the_first_place():
    same = morgan_fingerprints(["CCO"] * 4)
    assert match_in_order(same[:2], same) == [0, 1]


@pytest.fixture(scope="module")
def real():
    if not MIRROR.is_dir():
        pytest.skip("no mirror of real data beside the project")
    return read_lists(MIRROR)


@pytest.mark.real_data
def test_published_lists_have_the_known_rows_and_the_same_positives(real):
    assert {name: len(of_list.rows) for name, of_list in real.items()} == dict(
        zip(LISTS, (81_250, 11_608, 8_664, 8_664, 8_661), strict=True)
    )
    assert not any(of_list.misfits for of_list in real.values())
    positives = [[(row.image, row.smiles) for row in real[name].labelled(True)] for name in TEST_SETS]
    assert positives[0] == positives[1] == positives[2]
    assert len(positives[0]) == 4_332


@pytest.mark.real_data
def test_published_negatives_are_as_near_their_recovered_owners_as_is_known(real):
    ordered = real["test_sim"]
    owners = recover_owners(ordered)
    place = {row.image: at for at, row in enumerate(ordered.labelled(True))}
    offsets = [place[owners[row.image].image] - at for at, row in enumerate(ordered.labelled(False))]
    assert [offsets.index(gap) for gap in (1, 2, 3)] == [54, 1722, 3252]
    assert offsets == sorted(offsets)
    known = {name: [row for row in real[name].labelled(False) if row.image in owners] for name in TEST_SETS}
    assert [len(rows) for rows in known.values()] == [4_326, 4_326, 4_329]
    means = {}
    for name, rows in known.items():
        own = morgan_fingerprints([owners[row.image].smiles for row in rows[::8]])
        candidates = morgan_fingerprints([row.smiles for row in rows[::8]])
        means[name] = np.mean([DataStructs.TanimotoSimilarity(*pair) for pair in zip(own, candidates, strict=True)])
    assert means == pytest.approx({"test_rand": 0.348, "test_diff": 0.013, "test_sim": 0.550}, abs=0.012)


@pytest.mark.real_data
@pytest.mark.slow
def test_published_lists_give_the_known_molecules(tmp_path):
    if not MIRROR.is_dir():
        pytest.skip("no mirror of real data beside the project")
    counts, tables = run(MIRROR, tmp_path)
    assert counts["records"] == 118_847
    assert counts["smiles_of_positives"] == 50_426
    assert len(tables["split"]) == 50_387
    assert counts["molecules"] == 50_450
    assert counts["shared"] == {"train/val": 81, "train/test": 8, "val/test": 0}
    assert counts["parts"] == {"train": 40_259, "val": 5_797, "test": 4_331}
    assert counts["rejects"] == {"record/duplicate_id": 5, "record/missing_id": 12, "record/structure_conflict": 4}
    assert counts["mean_tanimoto"] == pytest.approx(
        {"listed_rand": 0.348, "listed_diff": 0.013, "listed_sim": 0.550}, abs=1e-3
    )


def test_mean_tanimoto_of_nothing_is_nothing():
    assert mean_tanimoto([], []) == {}
