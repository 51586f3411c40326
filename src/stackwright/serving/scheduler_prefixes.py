"""The prefix cache: which leading blocks of a prompt are still in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


class PrefixCache:
    """Least recently used blocks go first; of one prompt, its tail before its head.

    A block's id names its content and all that comes before it, as in the traces. `capacity` counts
    blocks; `trim` gives memory back to running sequences.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._blocks)

    def take(self, prompt: Sequence[int]) -> int:
        """How many leading blocks of the prompt are held; afterwards all of them are, the head newest."""
        held = self._blocks
        found = 0
        for block in prompt:
            if block not in held:
                break
            found += 1
        for block in reversed(prompt):
            held[block] = None
            held.move_to_end(block)
        self.trim(self.capacity)
        return found

    def trim(self, most: int) -> None:
        """Drop the oldest blocks until no more than `most` are left."""
        for _ in range(len(self._blocks) - most):
            self._blocks.popitem(last=False)
