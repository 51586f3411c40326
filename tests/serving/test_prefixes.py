"""The prefix cache against a plain list that is searched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stackwright.serving.scheduler_prefixes import PrefixCache


def searched_list(prompts: list[list[int]], capacity: int) -> list[int]:
    """Leading blocks found per prompt; the list holds the oldest block first."""
    held: list[int] = []
    found = []
    for prompt in prompts:
        found.append(next((place for place, block in enumerate(prompt) if block not in held), len(prompt)))
        for block in reversed(prompt):
            held = [other for other in held if other != block] + [block]
        held = held[max(len(held) - capacity, 0) :]
    return found


PROMPTS = st.lists(st.lists(st.integers(0, 12), max_size=6, unique=True), max_size=40)


@given(PROMPTS, st.integers(0, 10))
def test_finds_are_those_of_a_searched_list(prompts: list[list[int]], capacity: int) -> None:
    cache = PrefixCache(capacity)
    assert [cache.take(prompt) for prompt in prompts] == searched_list(prompts, capacity)
    assert len(cache) <= capacity


def test_a_prompt_loses_its_tail_first() -> None:
    cache = PrefixCache(4)
    cache.take([1, 2, 3, 4])
    cache.trim(2)
    assert cache.take([1, 2, 3, 4]) == 2
