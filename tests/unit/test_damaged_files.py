import pytest
import typer

from spectraflow.command_options import report_errors
from spectraflow.damaged_files import RESULTS, advice, set_aside
from spectraflow.errors import UnreadableFileError


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """A file of the results of the workflow that started this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(RESULTS, "results/demo")
    path = tmp_path / "results/demo/tables/a.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("half")
    return path.relative_to(tmp_path)


def test_a_damaged_file_of_the_workflow_is_kept_under_another_name(damaged):
    aside = set_aside(damaged)
    assert not damaged.exists()
    assert aside == damaged.with_name(".a.parquet.damaged")
    assert aside.read_text() == "half"
    assert set_aside(damaged) == aside


@pytest.mark.parametrize("place", ["data/a.parquet", "results/other/a.parquet", "results/demo/raw/alberts/a.parquet"])
def test_files_the_workflow_cannot_make_again_stay(damaged, tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text("half")
    assert set_aside(path) is None
    assert path.exists()
    assert f"remove {path} and start the workflow again" in advice(path)


def test_a_link_to_a_file_of_the_user_stays(damaged, tmp_path):
    (tmp_path / "mine.parquet").write_text("half")
    link = damaged.with_name("link.parquet")
    link.symlink_to(tmp_path / "mine.parquet")
    assert set_aside(link) is None
    assert link.exists()


def test_a_command_that_no_workflow_started_touches_nothing(damaged, monkeypatch):
    monkeypatch.delenv(RESULTS)
    assert set_aside(damaged) is None
    assert damaged.exists()


def test_a_command_names_the_file_and_what_to_do(damaged, capsys):
    @report_errors
    def command():
        raise UnreadableFileError(damaged, "not a readable Parquet file (too short)")

    with pytest.raises(typer.Exit):
        command()
    printed = capsys.readouterr().err
    assert f"error: {damaged}: not a readable Parquet file (too short)" in printed
    assert "start the same command again and it is made anew" in printed
    assert not damaged.exists()
