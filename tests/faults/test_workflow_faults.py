"""Faults put into a running workflow: the same command again ends with the tables of an undisturbed run."""

import os
import signal

import pytest

from tests.faults.workplace import Workplace, wait_until_gone
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow

CHECKPOINT = "fit.safetensors"


def test_a_killed_training_is_started_again_and_goes_on(place, undisturbed):
    place.hold(CHECKPOINT, after=2)
    running = place.start()
    first = running.held()
    place.hold(CHECKPOINT, after=1)
    os.kill(first, signal.SIGKILL)
    second = running.held()
    os.kill(second, signal.SIGKILL)
    assert running.process.wait(PATIENCE) != 0
    assert "resumed after epoch 2" in place.logs()
    assert not list(place.results.glob("km3aid/runs/*/metrics.json"))
    assert "resumed after epoch 3" in place.run()
    assert place.tables().same_as(undisturbed)
    assert not place.leftovers()


def test_jobs_of_a_killed_snakemake_end_and_the_same_command_goes_on(place, undisturbed):
    place.hold(CHECKPOINT, after=1)
    running = place.start()
    training = running.held()
    assert "cannot be locked" in Workplace(place.folder).run(fails=True)
    running.kill()
    wait_until_gone(training)
    assert list(place.results.rglob(".*.partial"))
    assert "resumed after epoch 1" in place.run()
    assert place.tables().same_as(undisturbed)
    assert not place.leftovers()


def test_a_checkpoint_damaged_while_all_was_killed_is_not_used(place, undisturbed):
    place.hold(CHECKPOINT, after=2)
    running = place.start()
    running.held()
    running.kill(with_jobs=True)
    flip_a_bit(place.checkpoint)
    printed = place.run()
    assert "bytes have changed" in printed
    assert "training starts from the beginning" in printed
    assert "resumed" not in printed
    assert place.tables().same_as(undisturbed)
    assert not place.leftovers()


def test_a_truncated_table_is_named_and_made_anew(place, undisturbed):
    (table,) = place.results.glob("km3aid/alignment/*/alignment.parquet")
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])
    printed = place.run(fails=True)
    assert f"{table.relative_to(place.folder)}: not a readable Parquet file" in printed
    assert "start the same command again and it is made anew" in printed
    assert not table.exists()
    place.run()
    assert table.read_bytes() == whole
    assert place.tables().same_as(undisturbed)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 16
    path.write_bytes(content)
