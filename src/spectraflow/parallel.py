"""Work on a stream of chunks in several processes, in order and in bounded memory."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from spectraflow.errors import SpectraflowError

Item = TypeVar("Item")
Result = TypeVar("Result")


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def silence_rdkit() -> None:
    """Turn off RDKit's log in this process: what it would say becomes the message of a reject."""
    from rdkit import RDLogger

    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]


def _start_worker() -> None:
    """Prepare a worker: quiet, and gone when its parent is killed, whose queue it would wait at for ever."""
    silence_rdkit()
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def ordered_map(function: Callable[[Item], Result], items: Iterable[Item], processes: int = 1) -> Iterator[Result]:
    """Yield ``function(item)`` in the order of `items`; at most three items a process are held at a time.

    With one process everything runs here. Workers are spawned, so `function` and items must be picklable.
    A worker that dies (out of memory, for instance) raises SpectraflowError.
    """
    if processes <= 1:
        silence_rdkit()
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 3 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise SpectraflowError("a worker process died, perhaps for want of memory; try fewer processes") from error
        finally:
            for future in waiting:
                future.cancel()
