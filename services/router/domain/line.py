"""A long sorted line of whole numbers in which places can be counted: blocks of a few hundred, found by bisection."""

from array import array
from bisect import bisect_left, insort_right
from dataclasses import dataclass, field

Key = tuple[int, int, int]
BLOCK = 512


@dataclass(slots=True)
class Line:
    """Adding, removing and counting look at one block and at the list of blocks. Equal numbers may stand in it."""

    blocks: "list[array[int]]" = field(default_factory=list)
    lasts: list[int] = field(default_factory=list)
    size: int = 0

    def add(self, number: int) -> None:
        """Let a number stand in the line."""
        self.size += 1
        lasts = self.lasts
        if not lasts:
            self.blocks.append(array("q", (number,)))
            lasts.append(number)
        elif number >= lasts[-1]:
            self.blocks[-1].append(number)
            lasts[-1] = number
            if len(self.blocks[-1]) > 2 * BLOCK:
                self._split(len(self.blocks) - 1)
        else:
            place = bisect_left(lasts, number)
            insort_right(self.blocks[place], number)
            if len(self.blocks[place]) > 2 * BLOCK:
                self._split(place)

    def remove(self, number: int) -> None:
        """Take one of a number out. Raises KeyError when it does not stand here."""
        place = bisect_left(self.lasts, number)
        block = self.blocks[place] if place < len(self.blocks) else array("q")
        within = bisect_left(block, number)
        if within == len(block) or block[within] != number:
            raise KeyError(number)
        del block[within]
        self.size -= 1
        if block:
            self.lasts[place] = block[-1]
        else:
            del self.blocks[place], self.lasts[place]

    def before(self, number: int) -> int:
        """How many smaller numbers stand here; `number` need not."""
        lasts, blocks = self.lasts, self.blocks
        if not lasts or number > lasts[-1]:
            return self.size
        place = bisect_left(lasts, number)
        within = bisect_left(blocks[place], number)
        if 2 * place < len(blocks):
            return sum(map(len, blocks[:place])) + within
        return self.size - sum(map(len, blocks[place:])) + within

    def _split(self, place: int) -> None:
        block = self.blocks[place]
        self.blocks[place : place + 1] = [block[:BLOCK], block[BLOCK:]]
        self.lasts[place : place + 1] = [block[BLOCK - 1], block[-1]]
