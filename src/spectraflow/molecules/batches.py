"""Ordered work on a stream of record batches, in this process or in several, holding only a few batches at a time."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_batches(function: Callable[[Item], Result], items: Iterable[Item], processes: int = 1) -> Iterator[Result]:
    """Yield `function(item)` in the order of `items`.

    With more than one process, at most three items a process are read ahead, so memory is bounded however long
    the stream is. `function` must then be importable by name. An exception in a worker is raised here.
    """
    if processes <= 1:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 3 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
