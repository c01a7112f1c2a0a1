"""Places on pretended devices, taken by real processes."""

import subprocess
import sys

import pytest

from spectraflow.training.slots import holders, take_slots

TAKE = """
import sys
from pathlib import Path
from spectraflow.training.slots import take_slots
folder, devices, count, jobs = sys.argv[1:]
taken, _ = take_slots(Path(folder), devices.split(","), int(count), int(jobs))
print(*taken, flush=True)
sys.stdin.readline()
"""


class Job:
    """A process that takes places and holds them until it is told to end, or killed."""

    def __init__(self, folder, devices="a,b", count=1, jobs_per_device=1):
        arguments = [str(folder), devices, str(count), str(jobs_per_device)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def taken(self):
        """Wait until it has its places; return their devices."""
        return self.process.stdout.readline().split()

    def waits(self):
        """Wait until it says that it waits; return what for."""
        return self.process.stderr.readline()

    def end(self):
        self.process.communicate("\n")

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start(tmp_path):
    jobs = []

    def begin(**more):
        jobs.append(Job(tmp_path, **more))
        return jobs[-1]

    yield begin
    for job in jobs:
        job.kill()


def test_no_two_jobs_are_on_one_device_and_a_killed_one_makes_room(start, tmp_path):
    first, second = start(), start()
    assert {*first.taken(), *second.taken()} == {"a", "b"}
    third, fourth = start(), start()
    assert "waiting for a device" in third.waits()
    assert "waiting for a device" in fourth.waits()
    lines = holders(tmp_path, ["a", "b"], 1)
    assert [line[:2] for line in lines] == ["a:", "b:"]
    assert {str(job.process.pid) in " ".join(lines) for job in (first, second)} == {True}
    first.kill()
    second.end()
    assert {*third.taken(), *fourth.taken()} == {"a", "b"}


def test_small_jobs_share_devices_evenly_when_the_settings_say_so(start):
    jobs = [start(jobs_per_device=2) for _ in range(4)]
    taken = sorted(device for job in jobs for device in job.taken())
    assert taken == ["a", "a", "b", "b"]
    fifth = start(jobs_per_device=2)
    assert "waiting" in fifth.waits()
    jobs[2].kill()
    assert len(fifth.taken()) == 1


def test_a_job_of_two_devices_takes_both_or_none_and_is_not_overtaken(start):
    one = start()
    (held,) = one.taken()
    both = start(count=2)
    assert "waiting for 2 devices" in both.waits()
    later = start()
    assert "waiting for a device" in later.waits(), "a device is free, but it is not this job's turn"
    one.kill()
    assert both.taken() == ["a", "b"]
    both.end()
    assert later.taken()[0] in ("a", "b")
    assert held in ("a", "b")


def test_jobs_of_overlapping_devices_all_get_theirs(start):
    jobs = [start(devices=devices, count=2) for devices in ("a,b", "b,c", "c,a") * 2]
    for job in jobs[:]:
        job.process.stdin.write("\n")
        job.process.stdin.flush()
    assert [len(job.taken()) for job in jobs] == [2] * 6


def test_more_devices_than_there_are_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="3 devices needed, 2 there"):
        take_slots(tmp_path, ["a", "b"], 3, 1)
