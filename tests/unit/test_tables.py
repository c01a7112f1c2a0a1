import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectraflow import __version__, tables
from spectraflow.errors import InputError
from spectraflow.tables import REJECTS, SPLITS, TableWriter, count_rows, read_table, scan_table, write_table

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
