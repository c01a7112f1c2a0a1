import random

import pytest

from spectraflow.config import SplitSettings
from spectraflow.errors import ConfigError, InputError
from spectraflow.files import read_json
from spectraflow.splits import assign
from spectraflow.splits.assign import make_split
from spectraflow.tables import MOLECULES, SPLITS, TableWriter, labels_schema, read_table

KINDS = ["random", "published_folds", "scaffold_balanced", "scaffold_deterministic", "scaffold_clusters"]
RINGS = (
    *("c1ccccc1", "c1ccncc1", "c1ccoc1", "c1ccsc1", "c1cc[nH]c1", "c1cnccn1", "C1CCCCC1", "C1CCOC1", "C1CCNCC1"),
    *("C1COCCO1", "O=C1CCCN1", "O=C1CCCO1", "c1ccc2ccccc2c1", "c1ccc2[nH]ccc2c1", "C1CC1", "C1CSCCN1", "O=C1C=CCCC1"),
)


def rows_of(count: int) -> list[dict]:
    """Every third molecule is a stereoisomer of the one before; every fifth is acyclic; one has no InChIKey."""
    rows = []
    for i in range(count):
        block = i - 1 if i % 3 == 2 else i
        rows.append(
            {
                "molecule_id": f"nmrshiftdb2:{i}",
                "smiles": "C",
                "inchikey": None if i == 7 else f"BLOCK{block:09d}-STEREO{i:04d}-N",
                "identity_key": f"key{i}",
                "scaffold": "" if block % 5 == 0 else RINGS[block % 17],
            }
        )
    return rows


@pytest.fixture
def molecules(tmp_path):
    def write(rows, name="molecules.parquet"):
        with TableWriter(tmp_path / name, MOLECULES) as writer:
            writer.write_rows(rows)
        return tmp_path / name

    (tmp_path / "ids.txt").write_text("".join(f"{i}\n" for i in range(240)))
    return write


def split(tmp_path, path, kind="random", name="one", **options):
    values = {key: options.pop(key) for key in list(options) if key in SplitSettings.model_fields}
    settings = SplitSettings(kind=kind, **values)
    out, audit = tmp_path / f"{name}.parquet", tmp_path / f"{name}.json"
    if kind == "published_folds":
        options.setdefault("ids", tmp_path / "ids.txt")
    found = make_split(settings, path, out, audit, **options)
    assert read_json(audit) == found
    table = read_table(out, SPLITS)
    return dict(zip(table["molecule_id"].to_pylist(), table["part"].to_pylist(), strict=True)), found


@pytest.mark.parametrize("kind", KINDS)
def test_order_of_rows_changes_nothing(tmp_path, molecules, kind):
    rows = rows_of(240)
    parts, _ = split(tmp_path, molecules(rows), kind)
    random.Random(0).shuffle(rows)
    again, _ = split(tmp_path, molecules(rows, "shuffled.parquet"), kind, "two")
    assert parts == again
    assert len(parts) == 240
    assert set(parts.values()) == {"train", "val", "test"}


@pytest.mark.parametrize("kind", KINDS)
def test_audit_tells_published_leaks_and_no_other(tmp_path, molecules, kind):
    _, found = split(tmp_path, molecules(rows_of(240)), kind, fold=1)
    shared = sum(pair["first_blocks"] for pair in found["overlap"].values())
    assert (shared > 0) == (kind == "published_folds")
    assert found["settings"]["kind"] == kind
    assert found["settings"]["fold"] == 1
    assert sum(size["molecules"] for size in found["sizes"].values()) == 240


def test_audit_of_clusters_compares_the_nearest_with_a_random_split(tmp_path, molecules):
    rows = [{**row, "smiles": row["scaffold"] or "CCO"} for row in rows_of(240)]
    _, found = split(tmp_path, molecules(rows), "scaffold_clusters")
    nearest = found["nearest_train_tanimoto"]
    assert nearest["molecules"] == found["sizes"]["test"]["molecules"]
    assert nearest["split"] < nearest["random"]
    assert found["overlap"]["train-test"]["scaffolds"] == found["overlap"]["val-test"]["scaffolds"] == 0


def test_clusters_that_share_a_scaffold_are_refused(tmp_path, molecules, monkeypatch):
    path = molecules(rows_of(240)[::3])
    monkeypatch.setattr(assign, "assign_parts", lambda *args, **kwargs: ["train", "val", "test", "train"] * 20)
    with pytest.raises(InputError, match=r"share \d+ scaffolds"):
        split(tmp_path, path, "scaffold_clusters")


def test_subset_limits_the_molecules(tmp_path, molecules):
    path = molecules(rows_of(240))
    with TableWriter(tmp_path / "subset.parquet", labels_schema(["a"])) as writer:
        writer.write({"molecule_id": [f"nmrshiftdb2:{i}" for i in range(50)], "a": [True] * 50})
    parts, found = split(tmp_path, path, subset=tmp_path / "subset.parquet", labels=tmp_path / "subset.parquet")
    assert set(parts) == {f"nmrshiftdb2:{i}" for i in range(50)}
    assert sum(found["labels"]["a"][part]["positive"] for part in ("train", "val", "test")) == 50


def test_unknown_subset_id_is_named(tmp_path, molecules):
    path = molecules(rows_of(20))
    with TableWriter(tmp_path / "subset.parquet", labels_schema([])) as writer:
        writer.write({"molecule_id": ["nmrshiftdb2:3", "nmrshiftdb2:999"]})
    with pytest.raises(InputError, match=r"subset\.parquet: nmrshiftdb2:999 of its molecules are not in"):
        split(tmp_path, path, subset=tmp_path / "subset.parquet")


def test_id_list_limits_the_molecules_where_there_is_no_subset(tmp_path, molecules):
    (tmp_path / "ids.txt").write_text("\n".join(str(i) for i in range(0, 120, 2)))
    parts, _ = split(tmp_path, molecules(rows_of(100)), "published_folds")
    assert set(parts) == {f"nmrshiftdb2:{i}" for i in range(0, 100, 2)}


@pytest.fixture
def given(tmp_path):
    """Write a splits table, `number of a molecule -> part`."""

    def write(parts):
        with TableWriter(tmp_path / "given.parquet", SPLITS) as writer:
            writer.write_rows([{"molecule_id": f"nmrshiftdb2:{i}", "part": part} for i, part in parts.items()])
        return tmp_path / "given.parquet"

    return write


def test_given_parts_stay_and_the_rest_is_assigned_as_if_it_were_alone(tmp_path, molecules, given):
    rows = rows_of(240)
    path = molecules(rows)
    # of every second pair of stereoisomers the first one
    listed = {i: ("val", "test", "train")[i // 6 % 3] for i in range(1, 240, 6)}
    parts, found = split(tmp_path, path, given=given(listed))
    blocks = {row["molecule_id"]: row["inchikey"] and row["inchikey"][:14] for row in rows}
    known = {blocks[f"nmrshiftdb2:{i}"]: part for i, part in listed.items() if i != 7}
    wanted = {**{name: known[block] for name, block in blocks.items() if block in known}, "nmrshiftdb2:7": listed[7]}
    assert len(wanted) > len(listed)
    assert {name: parts[name] for name in wanted} == wanted
    assert found["given"] == len(wanted)
    rest = [row for row in rows if row["molecule_id"] not in wanted]
    alone, without = split(tmp_path, molecules(rest, "rest.parquet"), name="alone")
    assert {name: part for name, part in parts.items() if name not in wanted} == alone
    assert "given" not in without
    assert sum(size["molecules"] for size in found["sizes"].values()) == 240
    assert all(pair["first_blocks"] == 0 for pair in found["overlap"].values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "scaffold_clusters"])
def test_parts_are_given_to_all_molecules(tmp_path, molecules, given, kind):
    listed = {i: ("train", "val", "test")[i // 3 % 3] for i in range(60)}
    parts, found = split(tmp_path, molecules(rows_of(60)), kind, given=given(listed))
    assert parts == {f"nmrshiftdb2:{i}": part for i, part in listed.items()}
    assert found["given"] == 60


def test_given_molecules_outside_the_subset_decide_for_their_stereoisomers_alone(tmp_path, molecules, given):
    with TableWriter(tmp_path / "subset.parquet", labels_schema([])) as writer:
        writer.write({"molecule_id": [f"nmrshiftdb2:{i}" for i in range(2, 150)]})
    listed = {0: "test", 1: "test", 200: "val"}  # 1 and 2 are stereoisomers
    parts, found = split(tmp_path, molecules(rows_of(240)), subset=tmp_path / "subset.parquet", given=given(listed))
    assert set(parts) == {f"nmrshiftdb2:{i}" for i in range(2, 150)}
    assert parts["nmrshiftdb2:2"] == "test"
    assert found["given"] == 1


def test_given_parts_that_tear_stereoisomers_apart_are_refused(tmp_path, molecules, given):
    path = molecules(rows_of(60))
    with pytest.raises(InputError, match=r"given\.parquet: the first block of nmrshiftdb2:2 is in train and in test"):
        split(tmp_path, path, given=given({1: "train", 2: "test"}))
    assert not (tmp_path / "one.parquet").exists()


def test_a_given_part_of_an_unknown_molecule_is_refused(tmp_path, molecules, given):
    with pytest.raises(InputError, match=r"given\.parquet: nmrshiftdb2:999 of its molecules are not in"):
        split(tmp_path, molecules(rows_of(60)), given=given({1: "train", 999: "test"}))


def test_published_folds_need_the_list(tmp_path, molecules):
    with pytest.raises(ConfigError, match="needs the id list"):
        split(tmp_path, molecules(rows_of(20)), "published_folds", ids=None)


@pytest.mark.parametrize("kind", ["random", "published_folds"])
def test_fold_beyond_the_last_is_refused(tmp_path, molecules, kind):
    with pytest.raises(ConfigError, match="fold 5 of a split into 5 folds; the last is 4"):
        split(tmp_path, molecules(rows_of(20)), kind, fold=5)


def test_repeated_molecule_is_named(tmp_path, molecules):
    with pytest.raises(InputError, match=r"nmrshiftdb2:3 occur\(s\) more than once"):
        split(tmp_path, molecules([*rows_of(10), rows_of(10)[3]]))


def test_too_few_molecules_name_the_empty_part(tmp_path, molecules):
    with pytest.raises(InputError, match=r"no molecules are left for .*test"):
        split(tmp_path, molecules(rows_of(2)), "scaffold_balanced")


def test_no_molecules_is_an_error(tmp_path, molecules):
    with pytest.raises(InputError, match="no molecules to split"):
        split(tmp_path, molecules([]))


def test_leaking_assignment_is_refused_and_nothing_written(tmp_path, molecules, monkeypatch):
    path = molecules(rows_of(30))
    monkeypatch.setattr(assign, "assign_parts", lambda *args, **kwargs: ["train", "val", "test"] * 10)
    with pytest.raises(InputError, match=r"share .* first blocks"):
        split(tmp_path, path)
    assert {file.name for file in tmp_path.iterdir()} == {"molecules.parquet", "ids.txt"}
