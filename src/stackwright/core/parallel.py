"""Work on all cores of a machine; the answers come in the order of the questions.

Each answer is worked out by itself, so it does not depend on how many share the work.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def in_order(answer: Callable[[Question], Answer], questions: Iterable[Question]) -> Iterator[Answer]:
    """The answer to each question, in turn; threads share the work, as operations on large arrays let go of the
    interpreter.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        yield from workers.map(answer, questions)


FORK = "fork"
_shared: Callable[[Any], Any] | None = None
"""What the processes of `in_processes` answer with; they inherit it, as what it holds may be too large to send."""


def in_processes(answer: Callable[[Question], Answer], questions: Iterable[Question]) -> Iterator[Answer]:
    """The answer to each question, in turn; processes share the work, where it is of many small steps.

    Where processes cannot inherit from this one, or JAX runs in it, whose threads no process inherits, threads do.
    """
    if "jax" in sys.modules or FORK not in multiprocessing.get_all_start_methods():
        yield from in_order(answer, questions)
        return
    global _shared
    _shared = answer
    try:
        with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=multiprocessing.get_context(FORK)) as workers:
            yield from workers.map(_answer, questions)
    finally:
        _shared = None


def _answer(question: Any) -> Any:
    assert _shared is not None
    return _shared(question)
