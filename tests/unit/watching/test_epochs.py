import os
import re

import pytest

from spectraflow.training.fit import _print_epoch
from spectraflow.watching.epochs import Epochs, read_epochs


@pytest.fixture
def log(tmp_path, capsys):
    """Return a function that writes the log of a training as the fit loop does, its last epoch ended at a time."""

    def write(*epochs: int, total: int = 10, ended: float, before: str = ""):
        for epoch in epochs:
            _print_epoch({"epoch": epoch - 1, "seconds": 2.0, "train/loss": 0.5}, total)
        path = tmp_path / "train.log"
        path.write_text(before + capsys.readouterr().err)
        history = tmp_path / "metrics.jsonl"
        history.write_text("{}\n")
        os.utime(history, (ended, ended))
        return path

    return write


def test_epochs_and_time_left(tmp_path, log):
    found = read_epochs([log(1, 2, 3, 4, ended=140.0)], tmp_path, started=100.0, now=145.0)
    assert found == Epochs(4, 10, seconds_each=10.0, seconds_left=55.0)


def test_a_resumed_training_is_timed_from_its_own_start(tmp_path, log):
    path = log(8, 9, ended=120.0, before="resumed after epoch 7\n")
    assert read_epochs([path], tmp_path, started=100.0, now=120.0) == Epochs(9, 10, 10.0, 10.0)


def test_before_the_first_epoch_ends_nothing_is_estimated(tmp_path, log):
    assert read_epochs([log(ended=1, before="resumed after epoch 7\n")], tmp_path, 0.0, 1.0) == Epochs(7)
    assert read_epochs([tmp_path / "absent.log"], tmp_path, 0.0, 1.0) == Epochs(0)


def test_time_left_is_never_negative(tmp_path, log):
    assert read_epochs([log(1, ended=110.0, total=2)], tmp_path, 100.0, now=500.0).seconds_left == 0.0


def test_resumed_is_said_as_the_fit_loop_says_it():
    from pathlib import Path

    from spectraflow.training import fit

    assert re.search(r'print\(f"resumed after epoch \{', Path(fit.__file__).read_text(encoding="utf-8"))
