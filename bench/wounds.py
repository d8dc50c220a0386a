"""Seeded damage to true input, for the fuzz benchmarks: the same bytes for the same seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wounds:
    """How one input is hurt: `pieces` are what may be put in, the rest are the most of each (wounds, then bytes)."""

    pieces: Sequence[bytes]
    most: int = 8
    cut: int = 200
    doubled: int = 400
    flipped: int = 20
    noise: int = 60

    def hurt(self, random_: random.Random, whole: Sequence[bytes]) -> bytes:
        """One of `whole` with one wound or more: cut, doubled, spliced with another, bytes changed, pieces or noise put in."""
        body = bytearray(random_.choice(whole))
        for _ in range(random_.randint(1, self.most)):
            self._one(random_, body, whole)
        return bytes(body)

    def _one(self, random_: random.Random, body: bytearray, whole: Sequence[bytes]) -> None:
        place = random_.randrange(len(body) + 1)
        match random_.randrange(6):
            case 0:
                del body[place : place + random_.randint(1, self.cut)]
            case 1:
                body[place:place] = body[place : place + random_.randint(1, self.doubled)] * random_.randint(1, 4)
            case 2:
                other = random_.choice(whole)
                body[place:] = other[random_.randrange(len(other) + 1) :]
            case 3 if body:
                for _ in range(random_.randint(1, self.flipped)):
                    body[random_.randrange(len(body))] = random_.randrange(256)
            case 4:
                body[place:place] = random_.choice(self.pieces) * random_.choice((1, 1, 1, 30))
            case _:
                body[place:place] = random_.randbytes(random_.randint(1, self.noise))
