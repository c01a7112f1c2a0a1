"""A disk that is full: the error names the file, nothing half-written stays, and what was there before is kept."""

import shutil

import pytest
import torch

from spectraflow.errors import DiskFullError
from spectraflow.files import write_text
from spectraflow.tables import SPLITS, TableWriter
from spectraflow.training.checkpoint import load_checkpoint, save_checkpoint

MEGABYTE = 1 << 20


def test_a_file_that_does_not_fit_is_named_and_the_old_one_stays(small_disk):
    target = small_disk.folder / "metrics.json"
    write_text(target, "old")
    with pytest.raises(DiskFullError, match=r"metrics\.json: no space left"):
        write_text(target, "x" * 2 * MEGABYTE)
    assert target.read_text() == "old"
    assert [path.name for path in small_disk.folder.iterdir()] == ["metrics.json"]


def test_a_table_that_does_not_fit_leaves_nothing(small_disk):
    target = small_disk.folder / "new" / "splits.parquet"
    noise = torch.randint(256, (200_000, 16), dtype=torch.uint8).numpy()
    rows = {"molecule_id": [row.tobytes().hex() for row in noise], "part": ["train"] * len(noise)}
    with pytest.raises(DiskFullError, match=r"splits\.parquet: no space left"), TableWriter(target, SPLITS) as writer:
        writer.write(rows)
    assert not list(target.parent.iterdir())


def test_the_previous_checkpoint_survives(small_disk):
    target = small_disk.folder / "fit.safetensors"
    save_checkpoint(target, {"a": torch.ones(1000)}, {"epoch": 1})
    with pytest.raises(DiskFullError, match=r"fit\.safetensors: no space left"):
        save_checkpoint(target, {"a": torch.ones(MEGABYTE)}, {"epoch": 2})
    assert load_checkpoint(target)[1] == {"epoch": 1}
    assert [path.name for path in small_disk.folder.iterdir()] == ["fit.safetensors"]


@pytest.mark.slow
def test_the_workflow_goes_on_once_there_is_room(place, undisturbed, small_disk):
    small_disk.resize(200 * MEGABYTE)
    shutil.copytree(place.results, small_disk.folder / "faults", symlinks=True)
    shutil.rmtree(place.results)
    place.results.symlink_to(small_disk.folder / "faults")
    small_disk.leave(MEGABYTE // 8)
    printed = place.run(fails=True)
    assert ": no space left (" in printed
    assert "make room and start the same command again" in printed
    assert not list((small_disk.folder / "faults").rglob(".*.partial"))
    small_disk.resize(200 * MEGABYTE)
    place.run()
    assert place.tables().same_as(undisturbed)
    assert not place.leftovers()
