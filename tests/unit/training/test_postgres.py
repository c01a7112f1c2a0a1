import os

import pytest

from spectraflow.errors import InputError
from spectraflow.training import postgres


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A system whose only programs are those a test puts here: `path` (on PATH) and `packages` (of the system)."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(postgres, "PACKAGES", tmp_path / "packages")
    return tmp_path


def install(folder):
    folder.mkdir(parents=True)
    (folder / "initdb").touch(mode=0o755)
    return folder


def test_missing_programs_are_an_error_that_names_the_package(programs):
    with pytest.raises(InputError, match=r"initdb and postgres.*apt-get install postgresql"):
        postgres.find_programs()


def test_the_newest_of_the_packages_is_taken(programs):
    install(programs / "packages" / "9.6" / "bin")
    newest = install(programs / "packages" / "17" / "bin")
    install(programs / "packages" / "15" / "bin")
    assert postgres.find_programs() == newest


def test_what_is_on_path_comes_first(programs):
    install(programs / "packages" / "17" / "bin")
    on_path = install(programs / "path")
    assert postgres.find_programs() == on_path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_a_folder_closed_to_the_user_who_runs_postgres_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "find_programs", lambda: tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(InputError, match=r"cannot enter .*closed.*choose a folder"):
        postgres.prepare(closed / "server")
