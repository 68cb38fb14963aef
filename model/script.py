"""Traditional Chinese in simplified characters, which is what the networks were taught; OpenCC is used here alone."""

from __future__ import annotations

import re
from functools import cache
from typing import cast

import opencc

from model.text import clean

_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿]")


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def simplified(text: str) -> str:
    """Return the text with traditional characters made simplified, by the words they stand in; others stay."""
    return cast(str, _converter().convert(text)) if _HAN.search(text) else text


def as_read(text: str) -> str:
    """Return the text as the networks read it: cleaned, and in simplified characters."""
    return simplified(clean(text))
