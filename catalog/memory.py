"""How the C library keeps memory that arrays leave: made for few threads and small things unless it is told."""

import ctypes
from contextlib import suppress
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of glibc's mallopt
LARGEST_THRESHOLD: Final = 32 << 20
"""Largest array that glibc can be told to keep the memory of."""


def tune_malloc(*, largest_kept: int, most_kept: int, arenas: int | None = None) -> None:
    """Tell glibc what to keep for the next arrays and what to give back; elsewhere nothing happens.

    Memory that is given back costs fresh pages the next time, a third of the time of simple arithmetic; memory that is
    kept by each of forty threads makes a process that grows and grows.

    Args:
        largest_kept: bytes of the largest array whose memory is kept, at most `LARGEST_THRESHOLD`.
        most_kept: bytes that are kept at the end of the heap.
        arenas: heaps that all threads share; eight per core unless given.
    """
    with suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, largest_kept)
        libc.mallopt(_TRIM_THRESHOLD, most_kept)
        if arenas is not None:
            libc.mallopt(_ARENA_MAX, arenas)


class _Held(ctypes.Structure):
    """What mallinfo2() tells."""

    # arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks come before the one that is read.
    _fields_ = [("before", ctypes.c_size_t * 8), ("fordblks", ctypes.c_size_t), ("keepcost", ctypes.c_size_t)]


def give_back(above: int) -> int:
    """Give memory that lies free between what is in use back to the system; elsewhere than on glibc nothing happens.

    By itself glibc gives back only what lies free at the end of a heap, so that one small thing there keeps all of it.

    Args:
        above: free bytes up to which nothing is done: they will be needed again.

    Returns:
        Bytes that lay free, 0 where nothing was done.
    """
    try:
        libc = ctypes.CDLL(None)
        told, trim = libc.mallinfo2, libc.malloc_trim
    except (OSError, AttributeError):
        return 0
    told.restype = _Held
    free = int(told().fordblks)
    if free <= above:
        return 0
    trim(0)
    return free
