import pytest

from spectraflow.files import write_json
from spectraflow.training.tracking_marker import marked, next_attempt
from spectraflow.training.tracking_store import TrackingError

SERVER = "http://host:5000"


def attempt_after(marker, uri, *, missed=False):
    """Do what the rule does: take the number of the attempt, make it, return the number the next call would take."""
    number = next_attempt(marker, uri)
    with marked(marker, uri, number):
        if missed:
            raise TrackingError("nobody answers")
    return number, next_attempt(marker, uri)


def test_only_a_missed_store_calls_for_another_attempt(tmp_path):
    marker = tmp_path / "synced.json"
    assert attempt_after(marker, SERVER) == (0, 0)
    assert attempt_after(marker, SERVER, missed=True) == (0, 1)
    assert attempt_after(marker, SERVER, missed=True) == (1, 2)
    assert attempt_after(marker, SERVER) == (2, 2)
    assert attempt_after(marker, SERVER) == (2, 2)


def test_a_sqlite_store_that_was_removed_calls_for_another_attempt(tmp_path):
    marker, store = tmp_path / "synced.json", tmp_path / "mlflow.db"
    store.touch()
    assert attempt_after(marker, f"sqlite:///{store}") == (0, 0)
    store.unlink()
    assert next_attempt(marker, f"sqlite:///{store}") == 1


def test_another_store_calls_for_another_attempt(tmp_path):
    marker = tmp_path / "synced.json"
    assert attempt_after(marker, "http://user:secret@host") == (0, 0)
    assert attempt_after(marker, SERVER) == (1, 1)


@pytest.mark.parametrize("text", ["null", "{", "[]", f'{{"uri": "{SERVER}", "runs": []}}'])
def test_markers_of_other_kinds_are_first_attempts(tmp_path, text):
    marker = tmp_path / "initialised.json"
    marker.write_text(text)
    assert next_attempt(marker, SERVER) == 0


def test_without_tracking_there_is_no_attempt_to_repeat(tmp_path):
    write_json(tmp_path / "synced.json", {"reached": False, "attempt": 4})
    assert next_attempt(tmp_path / "synced.json", None) == 0
