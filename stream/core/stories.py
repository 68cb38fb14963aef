"""Stories: near-copies of one report, counted once per series."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import timedelta
from typing import Final

STORY_SPAN: Final = timedelta(hours=24)
SHORT_COMMENT: Final = 12  # words, or characters where a script writes no spaces
_READ_CHARS: Final = 20_000

_LINK = re.compile(r"(?:https?://|www\.)\S+")
_HANDLE = re.compile(r"(?:^|(?<=\s))(?:rt\s+)?@\w+:?", re.IGNORECASE)
_MARKS = re.compile(r"[^\w$%]+|_+")
_CJK = re.compile(r"[㐀-䶿一-鿿豈-﫿]")


def normalised(text: str) -> str:
    """Return the words of a text without links, handles, case, punctuation and repeated marks."""
    words = unicodedata.normalize("NFKC", text[:_READ_CHARS]).casefold()
    words = _HANDLE.sub(" ", _LINK.sub(" ", words))
    return " ".join(_MARKS.sub(" ", words).split())


def story_key(text: str) -> bytes:
    """Return the 8-byte key by which copies of a text meet in one partition.

    A text of marks alone ("🚀🚀🚀") is keyed by what it is.
    """
    return _hash(normalised(text) or text.strip())


def story_id(*, kind: str, text: str, author: str | None, document: str) -> bytes:
    """Return the 8-byte id of the story that a document tells.

    News, and comments of `SHORT_COMMENT` words or more: copies of one text are one story. A
    shorter comment is its own story per author, or per document where no author is known: in
    a panic a hundred people write the same three words, and that is no copy.
    """
    words = normalised(text)
    if kind == "comment" and _length(words) < SHORT_COMMENT:
        return _hash("\x1f".join((words or text.strip(), author or f"document {document}")))
    return _hash(words or text.strip())


def _length(words: str) -> int:
    """Return Chinese characters plus the words between them."""
    return len(_CJK.findall(words)) + len(_CJK.sub(" ", words).split())


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
