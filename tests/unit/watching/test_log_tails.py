import pytest

from spectraflow.watching.log_tails import clock, first_tail, last_lines


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0:00:00"), (59.6, "0:01:00"), (3661, "1:01:01"), (90061, "1 d 1:01:01"), (-3, "0:00:00")],
)
def test_durations(seconds, text):
    assert clock(seconds) == text


def test_last_lines_are_what_a_terminal_would_show(tmp_path):
    path = tmp_path / "x.log"
    path.write_bytes(b"first\r\n 10%\r 50%\r100%\n\n\xff odd\nlast\n\n")
    assert last_lines(path, 3) == ["100%", "\ufffd odd", "last"]
    assert last_lines(path, 0) == []
    assert last_lines(tmp_path / "absent", 3) == []


def test_the_end_of_a_large_log_is_enough(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("x" * 200_000 + "\nlast")
    assert last_lines(path, 1) == ["last"]


def test_an_empty_log_gives_way_to_another(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "other").write_text("text")
    assert first_tail([str(tmp_path / "empty"), str(tmp_path / "other")], 5) == (str(tmp_path / "other"), ["text"])
    assert first_tail([str(tmp_path / "empty")], 5) == (str(tmp_path / "empty"), [])
    assert first_tail([], 5) == ("", [])
