"""What a harness is: a parser of ours fed with any bytes, that may only refuse by the errors it states."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

MOST_BYTES = 1 << 16
"""Longest input; what matters is found in short ones."""
_TOKENS = (
    b"\x00",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\r\n",
    b"../",
    b"/",
    b"\\",
    b"%00",
    b"'",
    b'"',
    b"(",
    b")",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b";",
    b"-",
    b"+",
    b"*",
    b"=",
    b"nan",
    b"inf",
    b"1e999",
    b"9" * 30,
    b"-1",
    b"0",
    b" ",
)


@dataclass(frozen=True)
class Harness:
    """A parser, and inputs that it takes."""

    name: str
    """What is parsed."""
    run: Callable[[bytes], None]
    """Parses; what it raises is a finding."""
    seeds: Sequence[bytes]
    """Inputs from which others are made."""

    def inputs(self, seed: int) -> Iterator[bytes]:
        """Yield the seeds, then without end what chance makes of them: the same for the same number."""
        yield from self.seeds
        chance = random.Random(seed)  # noqa: S311 - nothing secret
        while True:
            yield mutate(chance.choice(self.seeds), self.seeds, chance)


def mutate(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Return an input with a few bytes changed, cut, doubled, or taken from another."""
    changed = bytearray(data)
    for _ in range(1 << chance.randrange(5)):
        at = chance.randrange(len(changed) + 1)
        to = min(len(changed), at + (1 << chance.randrange(8)))
        match chance.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(changed):
                changed[at] = chance.randrange(256)
            case 2:
                del changed[at:to]
            case 3:
                changed[at:at] = changed[at:to] * chance.choice((1, 1, 2, 50))
            case 4:
                changed[at:at] = chance.choice(_TOKENS)
            case 5:
                other = chance.choice(others)
                begin = chance.randrange(len(other) + 1)
                changed[at:to] = other[begin : begin + chance.randrange(64)]
            case _:
                changed[at:to] = chance.choice(_TOKENS)
    return bytes(changed[:MOST_BYTES])


def text_of(data: bytes) -> str:
    """Return input as text, whatever it is."""
    return data.decode("utf-8", "replace")
