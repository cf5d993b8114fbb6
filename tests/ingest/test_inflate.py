"""What members of zip archives unpack to, against Python's own reader, and where a lie about the size ends."""

import bz2
import contextlib
import io
import lzma
import tracemalloc
import zipfile

import numpy as np
import pytest

from ingest.inflate import ERRORS, METHODS, inflate

BIG = 100_000_000


def packed(content: bytes, method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("a", content)
        info = archive.getinfo("a")
    begin = info.header_offset + 30 + len("a")
    return out.getvalue()[begin : begin + info.compress_size]


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("size", [0, 1, 3000, 3_000_000])
def test_a_member_unpacks_to_what_was_packed(method: int, size: int) -> None:
    content = (np.random.default_rng(0).integers(0, 50, size) ** 2).astype(np.uint8).tobytes()
    assert inflate(packed(content, method), method, size) == content


@pytest.mark.parametrize("method", sorted(METHODS - {zipfile.ZIP_STORED}))
def test_a_bomb_becomes_one_byte_more_than_it_says(method: int) -> None:
    bomb = packed(bytes(BIG), method)
    assert len(bomb) < BIG // 500
    tracemalloc.start()
    assert inflate(bomb, method, 1000) == bytes(1001)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_dictionary_that_is_larger_than_its_file_is_not_made() -> None:
    bomb = bytearray(packed(b"abc" * 1000, zipfile.ZIP_LZMA))
    bomb[5:9] = b"\xff\xff\xff\xff"
    assert inflate(bytes(bomb), zipfile.ZIP_LZMA, 3000) == b"abc" * 1000


@pytest.mark.parametrize("method", sorted(METHODS - {zipfile.ZIP_STORED}))
@pytest.mark.parametrize("damage", [b"", b"\x00", b"\xff" * 40, bz2.compress(b"x")[:20], lzma.compress(b"x")])
def test_damaged_bytes_are_an_error_or_too_few(method: int, damage: bytes) -> None:
    with contextlib.suppress(*ERRORS):
        assert len(inflate(damage, method, 1000)) < 1000
