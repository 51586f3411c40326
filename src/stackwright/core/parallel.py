"""Work on all cores of a machine; the answers come in the order of the questions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def in_order(answer: Callable[[Question], Answer], questions: Iterable[Question]) -> Iterator[Answer]:
    """The answer to each question, in turn; threads share the work, as array operations let go of the interpreter.

    Each answer is worked out by itself, so it does not depend on the number of threads.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        yield from workers.map(answer, questions)
