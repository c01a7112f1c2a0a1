import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectraflow.errors import ConfigError, InputError
from spectraflow.files import read_json
from spectraflow.sources import moleculenet
from spectraflow.sources.moleculenet import ingest
from spectraflow.sources.moleculenet_files import TASKS
from spectraflow.sources.property_targets import read_facts
from spectraflow.tables import PROPERTIES, REJECTS, read_table

MIRROR = Path(__file__).parents[4] / "shared" / "data" / "moleculenet"


def run(folder, task, raw, cleaning="paper", **options):
    out = folder / "out"
    counts = ingest(task, raw, cleaning, out / "m.parquet", out / "r.parquet", out / "c.json", **options)
    assert read_json(out / "c.json") == counts
    molecules = read_table(out / "m.parquet", PROPERTIES).to_pylist()
    return counts, molecules, read_table(out / "r.parquet", REJECTS).to_pylist()


def run_text(folder, task, text, cleaning="paper", **options):
    raw = folder / "raw.csv"
    raw.write_bytes(text.encode())
    return run(folder, task, raw, cleaning, **options)


CLINTOX = """\
smiles,FDA_APPROVED,CT_TOX
c1ccccc1CCO ,1,0
CN(C)(C)(C)C,1,0
C,0,
[Na+].[Cl-],,1
OCCc1ccccc1,1,1
CC,2,1
C*,1,1
"""


def test_every_row_is_a_molecule_or_a_reject(tmp_path):
    counts, molecules, rejects = run_text(tmp_path, "clintox", CLINTOX)
    assert [(m["molecule_id"], m["row"], m["smiles"], m["scaffold"], m["targets"]) for m in molecules] == [
        ("moleculenet_clintox:0", 0, "OCCc1ccccc1", "c1ccccc1", [1, 0]),
        ("moleculenet_clintox:2", 2, "C", "", [0, None]),
        ("moleculenet_clintox:3", 3, "[Cl-].[Na+]", "", [None, 1]),
        ("moleculenet_clintox:4", 4, "OCCc1ccccc1", "c1ccccc1", [1, 1]),
        ("moleculenet_clintox:5", 5, "CC", "", [None, 1]),
    ]
    assert [(r["native_id"], r["stage"], r["reason"]) for r in rejects] == [
        ("1", "record", "unreadable_molecule"),
        ("5", "label", "unknown_label"),
        ("6", "record", "unreadable_molecule"),
    ]
    expected = {"records": 7, "molecules": 5, "rejects": 2, "merged": 0, "dropped": 0, "label_rejects": 1}
    assert {name: counts[name] for name in expected} == expected
    assert counts["labelled"] == {"FDA_APPROVED": 3, "CT_TOX": 4}
    assert counts["positives"] == {"FDA_APPROVED": 2, "CT_TOX": 3}
    assert counts["errata"]["repeated_smiles"] == {"groups": 1, "conflicting": 1}
    assert (counts["errata"]["without_bond"], counts["errata"]["several_fragments"]) == (2, 1)


def test_strict_cleaning_merges_and_accounts(tmp_path):
    counts, molecules, _ = run_text(tmp_path, "clintox", CLINTOX, "strict")
    assert [m["targets"] for m in molecules] == [[1, None], [0, None], [None, 1], [None, 1]]
    assert (counts["molecules"], counts["rejects"], counts["merged"]) == (4, 2, 1)
    assert counts["errata"]["conflicting_labels"] == 1


def test_stereoisomers_are_never_merged(tmp_path):
    text = "smiles,FDA_APPROVED,CT_TOX\nC[C@@H](N)C(=O)O,1,0\nC[C@H](N)C(=O)O,0,0\nCC(N)C(=O)O,1,1\n"
    counts, molecules, _ = run_text(tmp_path, "clintox", text, "strict")
    assert len(molecules) == 3
    assert counts["errata"]["repeated_first_blocks"] == {"groups": 1, "conflicting": 1}


def test_far_numbers_are_dropped_and_counted(tmp_path):
    text = "iupac,smiles,expt,calc\na,CCO,1.0,9\nb,OCC,2.0,9\nc,CC,-3,9\nd,CCC,x,9\n"
    counts, molecules, rejects = run_text(tmp_path, "freesolv", text, "strict")
    assert (counts["records"], counts["molecules"], counts["dropped"]) == (4, 2, 2)
    assert [m["targets"] for m in molecules] == [[-3.0], [None]]
    assert [(r["stage"], r["reason"]) for r in rejects] == [("label", "wrong_value")]
    assert (counts["unlabelled"], counts["positives"]) == (1, {})


def test_targets_of_one_class_are_named(tmp_path):
    counts, *_ = run_text(tmp_path, "clintox", "smiles,FDA_APPROVED,CT_TOX\nC,1,\nCC,1,\nCCC,1,\n")
    assert counts["one_class"] == ["FDA_APPROVED", "CT_TOX"]


def test_the_table_says_what_it_is(tmp_path):
    counts, *_ = run_text(tmp_path, "clintox", CLINTOX)
    facts = read_facts(tmp_path / "out" / "m.parquet")
    assert facts["raw_sha256"] == counts["raw_sha256"] == hashlib.sha256(CLINTOX.encode()).hexdigest()
    assert (facts["task"], facts["cleaning"], facts["kind"]) == ("clintox", "paper", "classification")
    assert facts["targets"] == ["FDA_APPROVED", "CT_TOX"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smiles,FDA_APPROVED\nC,1\n", r"raw\.csv: .*'CT_TOX'"),
        ("smiles,FDA_APPROVED,CT_TOX\n", r"raw\.csv: no row"),
        ("smiles,FDA_APPROVED,CT_TOX\nFAIL,1,0\n", r"raw\.csv: no row"),
    ],
)
def test_nothing_is_left_of_a_file_that_cannot_be_used(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        run_text(tmp_path, "clintox", text)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_an_unknown_task_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="qm9"):
        run_text(tmp_path, "qm9", CLINTOX)


def test_two_processes_give_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(moleculenet, "CHUNK_ROWS", 2)
    assert run_text(tmp_path, "clintox", CLINTOX) == run_text(tmp_path, "clintox", CLINTOX, processes=2)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["CCO", "OCC", "c1ccccc1", "FAIL", "[Na+].[Cl-]", "C[C@@H](N)C(=O)O", "C*", ""]),
            st.sampled_from(["0", "1", "", "1.0", "2", "x", "nan"]),
            st.sampled_from(["0", "1", "", ",", '"']),
        ),
        min_size=1,
        max_size=12,
    ),
    cleaning=st.sampled_from(["paper", "strict"]),
)
def test_records_always_add_up(tmp_path, rows, cleaning):
    text = "smiles,FDA_APPROVED,CT_TOX\n" + "".join(",".join(row) + "\n" for row in [("CCC", "1", "0"), *rows])
    counts, molecules, rejects = run_text(tmp_path, "clintox", text, cleaning)
    lost = [reject for reject in rejects if reject["stage"] == "record"]
    assert counts["records"] == len(rows) + 1 == len(molecules) + len(lost) + counts["merged"] + counts["dropped"]
    assert all(len(m["targets"]) == 2 and set(m["targets"]) <= {0, 1, None} for m in molecules)


# records, molecules, distinct SMILES, first blocks, scaffolds, several fragments, without bond, and repeated SMILES
# and first blocks (each with those in conflict)
KNOWN = {
    "bbbp": (2050, 2039, 1975, 1949, 1025, 105, 0, (60, 10), (83, 14)),
    "bace": (1513, 1513, 1513, 1466, 671, 0, 0, (0, 0), (44, 18)),
    "sider": (1427, 1427, 1427, 1427, 824, 182, 31, (0, 0), (0, 0)),
    "clintox": (1484, 1480, 1461, 1404, 784, 14, 1, (19, 19), (72, 47)),
    "hiv": (41127, 41120, 41120, 41115, 19082, 3086, 0, (0, 0), (4, 0)),
    "muv": (93127, 93127, 93087, 93025, 42595, 0, 0, (40, 0), (102, 0)),
    "tox21": (7831, 7823, 7823, 7619, 2325, 244, 19, (0, 0), (185, 59)),
    "toxcast": (8615, 8597, 8579, 8438, 2426, 1739, 11, (18, 0), (139, 84)),
    "esol": (1128, 1128, 1117, 1115, 269, 0, 1, (11, 6), (13, 6)),
    "freesolv": (642, 642, 642, 639, 63, 0, 3, (0, 0), (3, 3)),
    "lipo": (4200, 4200, 4200, 4102, 2408, 1, 0, (0, 0), (82, 74)),
}
LARGE = ("hiv", "muv", "toxcast", "tox21", "lipo", "bace", "sider")
LABELS = {
    "bbbp": (1560, 0.0), "bace": (691, 0.0), "hiv": (1443, 0.0), "muv": (489, 0.8421), "tox21": (5858, 0.1706),
    "toxcast": (126652, 0.7108), "clintox": (1498, 0.0), "sider": (21868, 0.0),
}  # fmt: skip
MEANS = {"esol": (-3.05, 2.10), "freesolv": (-3.80, 3.85), "lipo": (2.19, 1.20)}


@pytest.mark.real_data
@pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of real data beside the project")
@pytest.mark.parametrize(
    "task", [pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in KNOWN]
)
def test_published_files_have_the_known_counts(tmp_path, task):
    counts, _, rejects = run(tmp_path, task, MIRROR / f"{TASKS[task].stem}.csv.gz")
    errata = counts["errata"]
    repeats = [tuple(errata[name].values()) for name in ("repeated_smiles", "repeated_first_blocks")]
    names = ("unique_smiles", "first_blocks", "scaffolds", "several_fragments", "without_bond")
    assert (counts["records"], counts["molecules"], *(errata[name] for name in names), *repeats) == KNOWN[task]
    assert (counts["unlabelled"], counts["label_rejects"], counts.get("one_class", [])) == (0, 0, [])
    if task in LABELS:
        assert (sum(counts["positives"].values()), counts["missing_share"]) == pytest.approx(LABELS[task], abs=5e-5)
    else:
        assert (counts["mean"], counts["sd"]) == pytest.approx(MEANS[task], abs=0.006)
    if task == "bbbp":
        rows = [59, 61, 391, 614, 642, 645, 646, 647, 648, 649, 685]
        assert [int(reject["native_id"]) for reject in rejects] == rows
