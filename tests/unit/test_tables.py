import errno

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectraflow import __version__, tables
from spectraflow.errors import InputError, UnreadableFileError
from spectraflow.tables import (
    REJECTS,
    SPLITS,
    TableWriter,
    count_rows,
    read_table,
    scan_table,
    vectors_schema,
    write_table,
)

ROWS = {"molecule_id": ["a:1", "a:2"], "part": ["train", "test"]}
SCHEMAS = [value for value in vars(tables).values() if isinstance(value, pa.Schema)]


@pytest.mark.parametrize("schema", SCHEMAS, ids=tables.table_name)
def test_every_column_is_described(schema):
    assert all(field.metadata[b"description"] for field in schema)


def test_rows_return_with_the_version_that_wrote_them(tmp_path):
    path = tmp_path / "new" / "splits.parquet"
    write_table(path, SPLITS, ROWS)
    assert read_table(path, SPLITS).to_pydict() == ROWS
    assert read_table(path, SPLITS, ["part"]).column_names == ["part"]
    assert count_rows(path) == 2
    assert pq.read_schema(path).metadata[b"spectraflow.version"].decode() == __version__


def test_exception_leaves_no_file(tmp_path):
    def fail() -> None:
        with TableWriter(tmp_path / "t.parquet", SPLITS) as writer:
            writer.write(ROWS)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not list(tmp_path.iterdir())


def test_missing_required_value_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises((pa.ArrowException, ValueError)), TableWriter(tmp_path / "t.parquet", SPLITS) as writer:
        writer.write({"molecule_id": [None], "part": ["train"]})
    assert not list(tmp_path.iterdir())


def test_absent_keys_of_rows_become_null(tmp_path):
    with TableWriter(tmp_path / "r.parquet", REJECTS) as writer:
        writer.write_rows([{"native_id": "1", "stage": "record", "reason": "other"}])
    assert read_table(tmp_path / "r.parquet", REJECTS).to_pylist()[0]["message"] is None


def test_row_groups_are_bounded_and_order_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP_ROWS", 10)
    path = tmp_path / "t.parquet"
    with TableWriter(path, SPLITS) as writer:
        for start in range(0, 35, 7):
            writer.write({"molecule_id": [str(i) for i in range(start, start + 7)], "part": ["val"] * 7})
        assert writer.rows == 35
    file = pq.ParquetFile(path)
    assert max(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)) <= 10
    scanned = [x for batch in scan_table(path, SPLITS, batch_rows=4) for x in batch["molecule_id"].to_pylist()]
    assert scanned == [str(i) for i in range(35)]


def test_row_groups_of_wide_rows_are_bounded_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROW_GROUP_BYTES", 10 * 600 * 4)
    with TableWriter(tmp_path / "v.parquet", vectors_schema(["IR"])) as writer:
        for number in range(25):
            writer.write({"molecule_id": [f"a:{number}"], "IR": [[float(number)] * 600]})
    file = pq.ParquetFile(tmp_path / "v.parquet")
    assert 2 <= file.num_row_groups <= 4
    assert file.read()["molecule_id"].to_pylist() == [f"a:{number}" for number in range(25)]


def test_vectors_may_be_null_and_have_no_dictionary(tmp_path):
    rows = {"molecule_id": ["a:1", "a:2"], "IR": [None, [0.5] * 600], "MS": [[1.0] * 600, None]}
    write_table(tmp_path / "v.parquet", vectors_schema(["IR", "MS"]), rows)
    assert read_table(tmp_path / "v.parquet", vectors_schema(["IR", "MS"])).to_pydict() == rows
    group = pq.ParquetFile(tmp_path / "v.parquet").metadata.row_group(0)
    assert [group.column(place).has_dictionary_page for place in range(3)] == [True, False, False]


def test_empty_table_has_its_schema(tmp_path):
    write_table(tmp_path / "e.parquet", SPLITS, {"molecule_id": [], "part": []})
    assert read_table(tmp_path / "e.parquet", SPLITS).num_rows == 0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"molecule_id": ["a"]}), "lacks the column 'part'"),
        (pa.table({"molecule_id": ["a"], "part": [1]}), "column 'part' is int64, expected string"),
    ],
)
def test_wrong_schema_names_file_and_column(tmp_path, table, message):
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InputError, match=message) as caught:
        read_table(tmp_path / "x.parquet", SPLITS)
    assert "x.parquet" in str(caught.value)


def test_absent_and_corrupt_files_are_named(tmp_path):
    (tmp_path / "c.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match=r"c\.parquet: not a readable"):
        read_table(tmp_path / "c.parquet", SPLITS)
    with pytest.raises(InputError, match=r"n\.parquet: no such splits table"):
        read_table(tmp_path / "n.parquet", SPLITS)


def test_bytes_that_changed_are_noticed(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, SPLITS, {"molecule_id": [f"a:{number}" for number in range(2000)], "part": ["train"] * 2000})
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"t\.parquet: not a readable"):
        read_table(path, SPLITS)
    with pytest.raises(UnreadableFileError, match=r"t\.parquet: not a readable"):
        list(scan_table(path, SPLITS))


@pytest.mark.parametrize("kept", [0, 3, 0.5, 0.99])
def test_a_truncated_table_is_named(tmp_path, kept):
    path = tmp_path / "t.parquet"
    write_table(path, SPLITS, ROWS)
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    for read in (lambda: read_table(path, SPLITS), lambda: count_rows(path)):
        with pytest.raises(UnreadableFileError) as caught:
            read()
        assert caught.value.path == path


def test_a_disk_that_fails_is_not_taken_for_a_damaged_table(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(errno.EIO, "Input/output error")

    write_table(tmp_path / "t.parquet", SPLITS, ROWS)
    monkeypatch.setattr(pq, "ParquetFile", fail)
    with pytest.raises(InputError, match=r"t\.parquet: cannot be read \(Input/output error\)") as caught:
        read_table(tmp_path / "t.parquet", SPLITS)
    assert not isinstance(caught.value, UnreadableFileError)
