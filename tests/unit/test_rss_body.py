"""A body as it comes over the wire."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources.rss.body import LimitedBody
from stream.sources.rss.errors import FeedError

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda b: b,
    "identity": lambda b: b,
    "gzip": gzip.compress,
    "x-gzip": lambda b: gzip.compress(b[:3]) + gzip.compress(b[3:]) + b"\0\0",
    "deflate": zlib.compress,
    "Deflate ": lambda b: zlib.compress(b, wbits=-15),
}


def chunked(body: bytes, size: int) -> list[bytes]:
    return [body[i : i + size] for i in range(0, len(body), size)]


@pytest.mark.parametrize("encoding", list(PACKED))
@given(body=st.binary(max_size=5_000), size=st.integers(1, 600))
def test_every_encoding_in_any_chunks(encoding: str, body: bytes, size: int) -> None:
    limited = LimitedBody(encoding, 10_000)
    for chunk in chunked(PACKED[encoding](body), size):
        limited.add(chunk)
    assert limited.whole() == body


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_the_limit_is_of_the_body_that_is_read(encoding: str) -> None:
    limited = LimitedBody(encoding, 100_000)
    limited.add(PACKED[encoding](bytes(100_000)))
    assert len(limited.whole()) == 100_000
    with pytest.raises(FeedError, match="is larger than 100,000 bytes"):
        LimitedBody(encoding, 100_000).add(PACKED[encoding](bytes(100_001)))


def test_a_bomb_takes_no_memory() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    limited = LimitedBody("gzip", 100_000)
    with pytest.raises(FeedError, match=r"decompressed \(from"):
        limited.add(bomb)
    assert sum(map(len, limited._parts)) <= 100_000


def test_what_is_not_what_its_head_says() -> None:
    with pytest.raises(FeedError, match="is not gzip data"):
        LimitedBody("gzip", 1_000).add(b"<rss/>")
    with pytest.raises(FeedError, match="'br' was not asked for"):
        LimitedBody("br", 1_000)
    cut = LimitedBody("gzip", 1_000)
    cut.add(gzip.compress(b"x" * 500)[:-9])
    with pytest.raises(FeedError, match="ends in the middle"):
        cut.whole()
