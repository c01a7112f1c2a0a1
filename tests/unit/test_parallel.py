import os
import select
import subprocess
import sys
import time

import pytest

from spectraflow.parallel import chunked, ordered_map


def slow_square(number: int) -> int:
    time.sleep(0.02 if number % 2 else 0)
    return number * number


def refuse(number: int) -> int:
    raise ValueError(f"no {number}")


def die(number: int) -> int:
    os._exit(3)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes):
    assert list(ordered_map(slow_square, iter(range(9)), processes)) == [n * n for n in range(9)]


@pytest.mark.parametrize("processes", [1, 2])
def test_an_exception_reaches_the_caller(processes):
    with pytest.raises(ValueError, match="no 0"):
        list(ordered_map(refuse, range(3), processes))


def test_a_dead_worker_is_an_error_and_not_a_hang():
    with pytest.raises(Exception, match=r"(?i)process|worker"):
        list(ordered_map(die, range(3), 2))


def test_chunks_hold_everything_in_order():
    assert [list(chunk) for chunk in chunked(iter(range(5)), 2)] == [[0, 1], [2, 3], [4]]


HANGING_PARENT = """
import os, time
from spectraflow.parallel import ordered_map

def own_id(number):
    return os.getpid()

if __name__ == "__main__":
    results = ordered_map(own_id, range(20), 2)
    print(next(results), flush=True)
    time.sleep(3600)
"""


def test_workers_end_when_their_parent_is_killed(tmp_path):
    (tmp_path / "hanging.py").write_text(HANGING_PARENT)
    command = [sys.executable, str(tmp_path / "hanging.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    assert select.select([worker], [], [], 600)[0]
    os.close(worker)
