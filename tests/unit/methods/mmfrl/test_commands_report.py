import polars as pl
from typer.testing import CliRunner

from spectraflow.methods.mmfrl.commands import app
from spectraflow.reporting.comparison import SCHEMA
from tests.unit.reporting.property_runs import write_property_run


def test_report(tmp_path):
    heads = {"0123456789ab": 300, "1123456789ab": 64}
    runs = [write_property_run(tmp_path / name, {"head": head}, label=name) for name, head in heads.items()]
    pl.DataFrame(schema=SCHEMA).write_csv(tmp_path / "comparison.csv")
    options = ["report", "--comparison", str(tmp_path / "comparison.csv"), "--out", str(tmp_path / "report")]
    options += [text for run in runs for text in ("--run", str(run))]
    done = CliRunner().invoke(app, [*options, "--reference", runs[1].name, "--other-page", "index.html"])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "report" / "moleculenet.html").read_text()
    assert f"<dt>compared with</dt><dd>{runs[1].name}</dd>" in page
    assert 'href="index.html"' in page


def test_a_missing_run_is_a_message(tmp_path):
    options = ["report", "--comparison", str(tmp_path / "none.csv"), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*options, "--run", str(tmp_path / "nowhere")])
    assert done.exit_code == 1
    assert not (tmp_path / "moleculenet.html").exists()
