import gzip

from typer.testing import CliRunner

from spectraflow.files import read_json
from spectraflow.methods.mmfrl.commands_data import app
from spectraflow.tables import SPLITS, read_table


def invoke(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_a_task_is_loaded_and_split(tmp_path):
    raw = tmp_path / "raw.csv.gz"
    raw.write_bytes(
        gzip.compress(b"smiles,FDA_APPROVED,CT_TOX\n" + b"".join(b"%s1CC1,1,0\n" % (b"C" * n) for n in range(1, 21)))
    )
    files = (
        "--molecules",
        tmp_path / "m.parquet",
        "--rejects",
        tmp_path / "r.parquet",
        "--counts",
        tmp_path / "c.json",
    )
    said = invoke("load-task", "--task", "clintox", "--raw", raw, *files)
    assert "20 of 20 records are molecules" in said
    assert "FDA_APPROVED, CT_TOX" in said
    said = invoke(
        "split-task", "--properties", tmp_path / "m.parquet", "--out", tmp_path / "s", "--audit", tmp_path / "a", code=1
    )
    assert "no molecules are left for" in said


def test_two_scaffolds_are_split_by_the_protocol_that_is_named(tmp_path):
    raw = tmp_path / "raw.csv"
    rings = "".join(f"C1{'C' * n}C1,{n % 2},0\n" for n in range(1, 21))
    raw.write_text("smiles,FDA_APPROVED,CT_TOX\n" + rings)
    files = (
        "--molecules",
        tmp_path / "m.parquet",
        "--rejects",
        tmp_path / "r.parquet",
        "--counts",
        tmp_path / "c.json",
    )
    invoke("load-task", "--task", "clintox", "--raw", raw, *files, "--cleaning", "strict")
    out = ("--out", tmp_path / "s.parquet", "--audit", tmp_path / "a.json", "--protocol", "scaffold_deterministic")
    invoke("split-task", "--properties", tmp_path / "m.parquet", *out)
    assert read_json(tmp_path / "a.json")["settings"]["kind"] == "scaffold_deterministic"
    assert read_table(tmp_path / "s.parquet", SPLITS)["part"].to_pylist()[:4] == ["test", "test", "val", "val"]


def test_a_missing_table_is_named(tmp_path):
    names = (
        "--molecules",
        tmp_path / "m.parquet",
        "--peaks",
        tmp_path / "p.parquet",
        "--properties",
        tmp_path / "t.parquet",
    )
    out = ("--out", tmp_path / "o.parquet", "--overlap", tmp_path / "o.json")
    assert "t.parquet" in invoke("select-pretraining", *names, *out, code=1).replace("\n", "")
