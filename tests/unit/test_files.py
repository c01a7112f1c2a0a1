import errno
import os
import subprocess
import sys

import pytest

from spectraflow.errors import DiskFullError, UnreadableFileError
from spectraflow.files import atomic_path, read_json, write_json, write_text


def test_file_appears_whole(tmp_path):
    target = tmp_path / "new" / "a.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("x")
        assert not target.exists()
    assert target.read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


def test_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a"):
        pass


def test_json_returns(tmp_path):
    value = {"b": [1, None, "ß"], "a": {"x": 0.5}}
    write_json(tmp_path / "v.json", value)
    assert read_json(tmp_path / "v.json") == value


def test_damaged_json_is_named(tmp_path):
    write_json(tmp_path / "v.json", {"a": 1})
    (tmp_path / "v.json").write_bytes((tmp_path / "v.json").read_bytes()[:5])
    with pytest.raises(UnreadableFileError, match=r"v\.json: not readable as JSON") as caught:
        read_json(tmp_path / "v.json")
    assert caught.value.path == tmp_path / "v.json"


def test_what_a_killed_process_left_is_removed_and_a_living_one_is_let_be(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".a.txt.{dead.pid}.partial"
    others = [tmp_path / f".a.txt.{os.getppid()}.partial", tmp_path / f".b.txt.{dead.pid}.partial"]
    for path in (left, *others):
        path.write_text("half")
    write_text(tmp_path / "a.txt", "x")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a.txt", *others])


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_or_quota_is_told_whatever_library_says_so(tmp_path, error):
    with pytest.raises(DiskFullError, match=r"a\.txt: no space left \([\d,.]+ of [\d,.]+ MB free\)"):
        fail_with(error, tmp_path / "new" / "a.txt")


def fail_with(error, target):
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise error
