import json
import subprocess
import sys

from spectraflow.watching.event_file import EventFile, read_events, still_written

WRITER = """
import sys
from pathlib import Path
from spectraflow.watching.event_file import EventFile
file = EventFile()
file.open(Path(sys.argv[1]), 5.0)
print("open", flush=True)
sys.stdin.read()
"""


def record(folder):
    (path,) = (folder / "events").glob("*.jsonl")
    return path


def test_events_before_the_folder_is_known_are_kept(tmp_path):
    file = EventFile()
    file.write("planned", 1.0, jobs={"a": 1})
    file.open(tmp_path, 0.5)
    file.write("started", 2.0, job=0)
    seen = [event["event"] for event in read_events(record(tmp_path))]
    file.close(3.0)
    assert seen == ["opened", "planned", "started"], "a reader sees each event at once"
    assert [event["at"] for event in read_events(record(tmp_path))] == [0.5, 1.0, 2.0, 3.0]


def test_a_start_without_a_known_folder_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = EventFile()
    file.write("planned", 1.0, jobs={})
    file.close(2.0)
    assert not list(tmp_path.iterdir())


def test_lines_that_are_cut_off_are_left_out(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"event": "opened"}) + '\nnull\n{"event": "star')
    assert list(read_events(path)) == [{"event": "opened"}]


def test_a_killed_writer_is_known_to_be_gone(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        header = next(read_events(record(tmp_path)))
        assert header["pid"] == writer.pid
        assert still_written(record(tmp_path), header)
        assert still_written(record(tmp_path), header), "asking does not take the lock away"
        writer.kill()
        writer.wait()
        assert not still_written(record(tmp_path), header)
        assert still_written(record(tmp_path), {**header, "locked": False}), "without locks nobody can know"
